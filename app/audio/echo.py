"""Telling the agent's own echo from a caller who speaks over it.

A phone line returns some of what it plays, typically 20 to 30 dB down (ITU-T G.131 asks for at least 24 dB of echo
loss) and up to a few hundred milliseconds later. We know what was played and when, so how much of it comes back can
be learned: callers mostly listen, so what three frames of four stay below while the agent speaks is echo and noise.
A caller frame that is not clearly above that may be echo, and is taken for it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

ECHO_DELAY_S = 0.4
FRAMES_LEARNED = 100
LEARN_EVERY = 25
LISTENING_SHARE = 0.75
MARGIN = 10 ** (8 / 20)
# as shares of the agent's level: what is assumed before anything is known, and the least that is
MOST = 10 ** (-18 / 20)
LEAST = 10 ** (-34 / 20)


@dataclass(slots=True)
class EchoGate:
    """Levels of what the agent played lately. Times in monotonic seconds, levels as 16-bit RMS.

    Of what reached the ear within the delay only the loudest is kept, and what is louder than all that came later.
    """

    share: float = MOST
    _coming: deque[tuple[float, int]] = field(default_factory=deque)
    _loudest: deque[tuple[float, int]] = field(default_factory=deque)
    _returned: deque[float] = field(default_factory=lambda: deque(maxlen=FRAMES_LEARNED))
    _fresh: int = 0

    def played(self, at: float, level: int) -> None:
        """A frame of `level` reaches the ear at `at`; frames come in order."""
        self._coming.append((at, level))

    def active(self, now: float) -> bool:
        """Whether anything played could still come back as echo."""
        coming, loudest = self._coming, self._loudest
        while coming and coming[0][0] <= now:
            reached = coming.popleft()
            while loudest and loudest[-1][1] <= reached[1]:
                loudest.pop()
            loudest.append(reached)
        while loudest and loudest[0][0] < now - ECHO_DELAY_S:
            loudest.popleft()
        return bool(loudest)

    def masks(self, now: float, level: float) -> bool:
        """Whether a caller frame of `level` arriving at `now` may be nothing but echo."""
        if not self.active(now):
            return False
        played = self._loudest[0][1]
        if played:
            self._learn(level / played)
        return level < played * self.share

    def clear(self, now: float) -> None:
        """What has not been played by `now` never will be."""
        while self._coming and self._coming[-1][0] > now:
            self._coming.pop()

    def _learn(self, returned: float) -> None:
        self._returned.append(returned)
        self._fresh += 1
        if self._fresh >= LEARN_EVERY and len(self._returned) == FRAMES_LEARNED:
            self._fresh = 0
            usual = sorted(self._returned)[int(LISTENING_SHARE * FRAMES_LEARNED)]
            self.share = min(MOST, max(LEAST, usual * MARGIN))

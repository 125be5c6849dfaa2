"""Telling the agent's own echo from a caller who speaks over it.

A phone line returns some of what it plays, typically 20 to 30 dB down (ITU-T G.131 asks for at least 24 dB of echo
loss) and up to a few hundred milliseconds later. We know what was played and when, so a caller frame that is more
than `ECHO_LOSS_DB` below everything played in that time may be echo, and is taken for it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

ECHO_LOSS_DB = 18.0
ECHO_DELAY_S = 0.4
_SHARE = 10 ** (-ECHO_LOSS_DB / 20)


@dataclass(slots=True)
class EchoGate:
    """Levels of what the agent played lately. Times in monotonic seconds, levels as 16-bit RMS."""

    _played: deque[tuple[float, int]] = field(default_factory=deque)

    def played(self, at: float, level: int) -> None:
        """A frame of `level` reaches the ear at `at`; frames come in order."""
        self._played.append((at, level))

    def active(self, now: float) -> bool:
        """Whether anything played could still come back as echo."""
        while self._played and self._played[0][0] < now - ECHO_DELAY_S:
            self._played.popleft()
        return bool(self._played) and self._played[0][0] <= now

    def masks(self, now: float, level: float) -> bool:
        """Whether a caller frame of `level` arriving at `now` may be nothing but echo."""
        if not self.active(now):
            return False
        loudest = max(played for at, played in self._played if at <= now)
        return level < loudest * _SHARE

    def clear(self, now: float) -> None:
        """What has not been played by `now` never will be."""
        while self._played and self._played[-1][0] > now:
            self._played.pop()

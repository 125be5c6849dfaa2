"""From a voice detector's windows to the edges of speech.

Speech begins when `ONSET_WINDOWS` windows in a row reach `SPEAKING` and are loud; its beginning is the first of them.
It is interrupted by a *lull* once nothing has been voiced and loud for `LULL_MS`. What a lull means (a breath, or the
end of the turn) is turn-taking's business. A detector smooths over windows and so finds the end late; the level says
when it was. Hysteresis as in Silero's own iterator: 0.5, and 0.15 less to go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

SPEAKING = 0.5
QUIET = 0.35
ONSET_WINDOWS = 2
LULL_MS = 64.0
WINDOW_MS = 32.0
ONSET_MS = ONSET_WINDOWS * WINDOW_MS


class Edge(Enum):
    """What a window changed."""

    ONSET = auto()
    LULL = auto()


@dataclass(slots=True)
class VoiceActivity:
    """Edge detection over one stream. Times are stream time in milliseconds.

    `voiced_ms` is how much of the utterance was voiced, `unbroken_ms` how much of that since the last lull; `ended_ms`
    is where speech ended as far as is known.
    """

    speaking: bool = False
    onset_ms: float = 0.0
    ended_ms: float = 0.0
    voiced_ms: float = 0.0
    unbroken_ms: float = 0.0
    _run: int = 0

    def window(self, probability: float, end_ms: float, loud_until_ms: float) -> Edge | None:
        """Take in one window, and where audio was last loud; says whether speech began or paused with it."""
        loud = loud_until_ms > end_ms - WINDOW_MS
        if loud and probability >= (QUIET if self.speaking else SPEAKING):
            return self._voiced(end_ms, min(end_ms, loud_until_ms))
        self._run = 0
        if self.speaking and end_ms - self.ended_ms >= LULL_MS:
            self.speaking = False
            return Edge.LULL
        return None

    def _voiced(self, end_ms: float, loud_until_ms: float) -> Edge | None:
        self._run += 1
        if self.speaking:
            self.ended_ms = loud_until_ms
            self.voiced_ms += WINDOW_MS
            self.unbroken_ms += WINDOW_MS
            return None
        if self._run < ONSET_WINDOWS:
            return None
        self.speaking = True
        self.ended_ms = loud_until_ms
        self.voiced_ms += ONSET_MS
        self.unbroken_ms = ONSET_MS
        self.onset_ms = end_ms - ONSET_MS
        return Edge.ONSET

    @property
    def unsettled(self) -> bool:
        """Whether the next window may make an edge of what the last one began, be it speech or a lull."""
        return self.beginning or (self.speaking and not self._run)

    @property
    def beginning(self) -> bool:
        """Whether the last window may be the first of speech that goes on."""
        return not self.speaking and self._run > 0

    def utterance_started(self) -> None:
        """An utterance begins with this onset: its voice is counted from here."""
        self.voiced_ms = ONSET_MS

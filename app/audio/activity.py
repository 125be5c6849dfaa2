"""From a voice detector's windows to the edges of speech.

Speech begins when `ONSET_WINDOWS` windows in a row reach `SPEAKING`, and its beginning is the first of them.
It is interrupted by a *lull* when no window has reached `QUIET` for `LULL_MS`. What a lull means (a breath, or the
end of the turn) is turn-taking's business. Hysteresis and sizes: Silero's own iterator uses 0.5 and 0.15 less.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

SPEAKING = 0.5
QUIET = 0.35
ONSET_WINDOWS = 2
LULL_MS = 64.0


class Edge(Enum):
    """What a window changed."""

    ONSET = auto()
    LULL = auto()


@dataclass(slots=True)
class VoiceActivity:
    """Edge detection over one stream. Times are stream time in milliseconds."""

    speaking: bool = False
    onset_ms: float = 0.0
    last_voiced_ms: float = 0.0
    _run: int = 0

    def window(self, probability: float, end_ms: float, window_ms: float = 32.0) -> Edge | None:
        """Take in one window; says whether speech began or paused with it."""
        if probability >= (QUIET if self.speaking else SPEAKING):
            return self._voiced(end_ms, window_ms)
        self._run = 0
        if self.speaking and end_ms - self.last_voiced_ms >= LULL_MS:
            self.speaking = False
            return Edge.LULL
        return None

    def _voiced(self, end_ms: float, window_ms: float) -> Edge | None:
        self._run += 1
        if self.speaking or self._run >= ONSET_WINDOWS:
            self.last_voiced_ms = end_ms
        if self.speaking or self._run < ONSET_WINDOWS:
            return None
        self.speaking = True
        self.onset_ms = end_ms - window_ms * ONSET_WINDOWS
        return Edge.ONSET

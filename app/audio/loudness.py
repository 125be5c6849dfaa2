"""Where speech ends by its level, which a voice detector, smoothing over windows, says 100 ms late.

Speech counts as long as a frame is louder than a share of the utterance's loudest frame and clearly above the line's
own noise. The share is that of t0's definition: 3 % of the peak, taken a little higher because frames are 20 ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.audio import g711

SHARE_OF_PEAK = 0.045
ABOVE_NOISE = 2.5
NOISE_RISE = 1.005
NOISE_START = 200.0
# clean speech between its pauses
SPOKEN_RMS = 200
# what a voice makes at a comma or a full stop; in the embedded voice's words no silence lasts more than 120 ms
PAUSE_MS = 140


@dataclass(slots=True)
class Loudness:
    """Levels are 16-bit RMS of 20 ms frames, times stream time in milliseconds."""

    loud_until_ms: float = 0.0
    _peak: float = 0.0
    _noise: float = NOISE_START

    def utterance_started(self) -> None:
        """Forget the last utterance's peak."""
        self._peak = 0.0

    def frame(self, level: float, end_ms: float) -> None:
        """Take in a frame. The noise floor falls at once and rises slowly."""
        # without min and max, which take longer than all the rest
        risen = self._noise * NOISE_RISE
        self._noise = noise = risen if level > risen else (level if level > 1.0 else 1.0)
        self._peak = peak = level if level > self._peak else self._peak
        if level > peak * SHARE_OF_PEAK and level > noise * ABOVE_NOISE:
            self.loud_until_ms = end_ms


@dataclass(frozen=True, slots=True)
class Voicing:
    """Which 20 ms frames of clean speech are no pause."""

    frames: Sequence[bool]

    @classmethod
    def of(cls, audio: bytes) -> Voicing:
        """Of μ-law."""
        return cls([g711.rms(frame) > SPOKEN_RMS for frame in g711.frames(audio)])

    def ms(self, until_ms: float = math.inf) -> float:
        """How much is voiced of what comes before a moment of it, in milliseconds."""
        count = int(min(max(0.0, until_ms) / g711.FRAME_MS, len(self.frames)))
        return float(sum(self.frames[:count]) * g711.FRAME_MS)

    @property
    def pauses_ms(self) -> list[float]:
        """How many milliseconds are voiced before each pause within it."""
        found, voiced, silent = [], 0, 0
        for spoken in self.frames:
            if not spoken:
                silent += 1
                continue
            if silent * g711.FRAME_MS >= PAUSE_MS and voiced:
                found.append(float(voiced * g711.FRAME_MS))
            voiced, silent = voiced + 1, 0
        return found

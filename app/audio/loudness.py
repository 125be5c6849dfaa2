"""Where speech ends by its level, which a voice detector, smoothing over windows, says 100 ms late.

Speech counts as long as a frame is louder than a share of the utterance's loudest frame and clearly above the line's
own noise. The share is that of t0's definition: 3 % of the peak, taken a little higher because frames are 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

SHARE_OF_PEAK = 0.045
ABOVE_NOISE = 2.5
NOISE_RISE = 1.005
NOISE_START = 200.0


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

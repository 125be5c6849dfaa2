"""Where speech ends by its level, which a voice detector, smoothing over windows, says 100 ms late.

Speech counts as long as a frame is louder than a share of the utterance's loudest frame and clearly above the line's
own noise. The share is that of t0's definition: 3 % of the peak, taken a little higher because frames are 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.audio import g711

SHARE_OF_PEAK = 0.045
ABOVE_NOISE = 2.5
NOISE_RISE = 1.005
NOISE_START = 200.0
# clean speech between its pauses
SPOKEN_RMS = 200
# what a voice makes at a comma or a full stop; in the embedded voice's words no silence lasts more than 120 ms
PAUSE_MS = 140
STEP_MS = 5
STEP_BYTES = STEP_MS * g711.BYTES_PER_MS
# of the 16-bit value of each μ-law byte
SQUARES = np.frombuffer(g711.to_linear(bytes(range(256))), np.int16).astype(np.float32) ** 2


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


class Voicing:
    """Which steps of clean μ-law speech, of 5 ms each, are no pause."""

    __slots__ = ("_until_ms",)

    def __init__(self, audio: bytes) -> None:
        steps = np.frombuffer(audio, np.uint8)[: len(audio) // STEP_BYTES * STEP_BYTES].reshape(
            -1, STEP_BYTES
        )
        spoken = SQUARES[steps].mean(axis=1) > SPOKEN_RMS**2
        # how much is voiced until the beginning of each step, and until the end of all
        self._until_ms = np.concatenate(([0], np.cumsum(spoken))) * STEP_MS

    @property
    def ms(self) -> float:
        """How much of it is voiced, in milliseconds."""
        return float(self._until_ms[-1])

    def until(self, moment_ms: float) -> float:
        """How much is voiced of what comes before a moment of it, in milliseconds."""
        step = int(max(0.0, moment_ms) / STEP_MS)
        return float(self._until_ms[min(step, len(self._until_ms) - 1)])

    @property
    def pauses_ms(self) -> list[float]:
        """How many milliseconds are voiced before each pause within it."""
        voiced_ms, lasts = np.unique(self._until_ms, return_counts=True)
        long = (lasts - 1) * STEP_MS >= PAUSE_MS
        return [float(ms) for ms in voiced_ms[long] if 0 < ms < self.ms]

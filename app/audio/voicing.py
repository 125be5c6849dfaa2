"""Where a voice speaks and where it pauses: by its level, which is enough where speech was made and not recorded."""

from __future__ import annotations

import numpy as np

from app.audio import g711

# RMS, of 16 bits: what is softer is pause
SPOKEN_RMS = 200
# what a voice makes at a comma or a full stop; in the embedded voice's words no silence lasts more than 120 ms
PAUSE_MS = 140
STEP_MS = 5
STEP_BYTES = STEP_MS * g711.BYTES_PER_MS
# of the 16-bit value of each μ-law byte
SQUARES = np.frombuffer(g711.to_linear(bytes(range(256))), np.int16).astype(np.float32) ** 2


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

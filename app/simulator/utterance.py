"""Something a caller says, and when exactly it is over.

The end of speech is the end of the last 10 ms of the clean signal above 3 % of its peak RMS. Everything timed
from there is timed from what a person would call the end, not from where a detector noticed it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.audio.g711 import BYTES_PER_MS, FRAME_BYTES, SILENCE, to_linear

WINDOW_MS = 10
VOICED_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Utterance:
    """μ-law audio in whole 20 ms frames; speech ends `voiced_ms` after its beginning."""

    audio: bytes
    voiced_ms: float

    @classmethod
    def of(cls, audio: bytes) -> Utterance:
        """Measure clean speech and fill it up to whole frames."""
        return cls(audio + SILENCE * (-len(audio) % FRAME_BYTES), end_of_speech_ms(audio))

    def frame(self, number: int) -> bytes | None:
        """Frame `number`, from 0; None behind the last."""
        return self.audio[number * FRAME_BYTES : (number + 1) * FRAME_BYTES] or None

    def __repr__(self) -> str:
        return f"Utterance({len(self.audio) / BYTES_PER_MS:.0f} ms, voiced to {self.voiced_ms:.0f} ms)"


def end_of_speech_ms(audio: bytes) -> float:
    """Where the last voiced 10 ms of μ-law speech end; 0 where nothing is voiced."""
    voiced = _voiced(audio)
    return float(voiced[-1] + 1) * WINDOW_MS if len(voiced) else 0.0


def onset_ms(audio: bytes) -> float:
    """Where the first voiced 10 ms of μ-law speech begin; 0 where nothing is voiced."""
    voiced = _voiced(audio)
    return float(voiced[0]) * WINDOW_MS if len(voiced) else 0.0


def _voiced(audio: bytes) -> NDArray[np.intp]:
    window = WINDOW_MS * BYTES_PER_MS
    whole = audio + SILENCE * (-len(audio) % window)
    samples = np.frombuffer(to_linear(whole), np.int16).astype(np.float32).reshape(-1, window)
    levels = np.sqrt(np.mean(samples**2, axis=1))
    return np.flatnonzero(levels > VOICED_SHARE * levels.max(initial=0.0))

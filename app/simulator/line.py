"""The telephone line between a caller's mouth and the carrier: level, line noise, echo of the agent.

Levels are in dBm0 (ITU-T G.711: a full-scale sine is +3.17 dBm0 in μ-law) or in dB relative to the signal.
All that is random comes from a seed, so that a line can be had twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.audio.g711 import FRAME_BYTES, SILENCE, from_linear, to_linear
from app.simulator.track import Track

Samples = NDArray[np.float32]

FULL_SCALE_SINE_DBM0 = 3.17
FULL_SCALE_SINE_RMS = 32124 / 2**0.5
NOISE_LOOP_S = 8
SILENT_FRAME = SILENCE * FRAME_BYTES


@dataclass(frozen=True, slots=True)
class LineModel:
    """What the line does to the caller's voice. `noise_dbm0` and `echo_db` None: nothing."""

    level_db: float = 0.0
    noise_dbm0: float | None = None
    echo_db: float | None = None
    echo_ms: float = 120.0
    seed: int = 0


class Line:
    """Mixes what the carrier sends, frame by frame. A line without effects passes the bytes through."""

    def __init__(self, model: LineModel, began_at: float) -> None:
        self._model = model
        self._gain = _gain(model.level_db)
        self._noise = _noise(model)
        self._noise_at = 0
        self._echo_gain = None if model.echo_db is None else _gain(model.echo_db)
        self._agent = Track(began_at, keep_s=1 + model.echo_ms / 1000)

    def agent_played(self, at: float, audio: bytes) -> None:
        """The agent's audio came out of the caller's receiver, whence it may come back."""
        if self._echo_gain is not None:
            self._agent.put(at, audio)

    def frame(self, clean: bytes | None, at: float) -> bytes:
        """20 ms of the line, beginning at `at`; `clean` is the caller's voice, None while silent."""
        if self._noise is None and self._echo_gain is None and (clean is None or self._gain == 1.0):
            return clean or SILENT_FRAME
        mixed = np.zeros(FRAME_BYTES, np.float32) if clean is None else _samples(clean) * self._gain
        if self._echo_gain is not None:
            heard = self._agent.cut(at - self._model.echo_ms / 1000, FRAME_BYTES)
            mixed += _samples(heard) * self._echo_gain
        if self._noise is not None:
            mixed += self._next_noise(self._noise)
        return from_linear(np.clip(np.rint(mixed), -32768, 32767).astype(np.int16).tobytes())

    def _next_noise(self, noise: Samples) -> Samples:
        begin = self._noise_at
        self._noise_at = (begin + FRAME_BYTES) % len(noise)
        return noise[begin : begin + FRAME_BYTES]


def dbm0_rms(dbm0: float) -> float:
    """Root mean square on the 16-bit scale of a level in dBm0."""
    return FULL_SCALE_SINE_RMS * _gain(dbm0 - FULL_SCALE_SINE_DBM0)


def _gain(db: float) -> float:
    return float(10 ** (db / 20))


def _noise(model: LineModel) -> Samples | None:
    if model.noise_dbm0 is None:
        return None
    random = np.random.default_rng(model.seed)
    loop = random.standard_normal(NOISE_LOOP_S * 8000, np.float32)
    return loop * np.float32(dbm0_rms(model.noise_dbm0))


def _samples(audio: bytes) -> Samples:
    return np.frombuffer(to_linear(audio), np.int16).astype(np.float32)

"""The little signal processing that speech engines need, on numpy arrays of float32 in -1..1.

G.711 μ-law is ITU-T G.711 by way of `audioop`. Rates change by whole factors only, with a linear-phase windowed-sinc
filter that runs on a whole utterance at once: no state, and no delay, for its own is cut off.
"""

from __future__ import annotations

import audioop
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE_HZ = 8000
BYTES_PER_MS = RATE_HZ // 1000
SILENCE = b"\xff"  # μ-law's zero

_FRAME = 160
_TAPS = 32
_KAISER_BETA = 7.0  # side lobes about 70 dB down
_PASS_BAND = 0.94  # of the lower rate's half: the transition ends where aliases would begin to be heard

_PIECE = 2048  # samples: of more, numpy's matrices are multiplied on threads of its own, which are waited for

_AUDIBLE = 0.003  # of full scale, 50 dB down
# 42 dB down: the breath of a "th" before that is lost on any line, and is waited for
_AUDIBLE_AT_ONCE = 0.008

_MULAW_TO_FLOAT: Samples = np.frombuffer(audioop.ulaw2lin(bytes(range(256)), 2), dtype="<i2").astype(
    np.float32
) / np.float32(32768)


def from_mulaw(audio: bytes) -> Samples:
    """μ-law to samples at 8 kHz."""
    return _MULAW_TO_FLOAT.take(np.frombuffer(audio, dtype=np.uint8))


def to_mulaw(samples: Samples) -> bytes:
    """Samples at 8 kHz to μ-law; what exceeds -1..1 is clipped."""
    linear = np.clip(samples * 32768, -32768, 32767).astype("<i2")
    return audioop.lin2ulaw(linear.tobytes(), 2)


def rms(audio: bytes) -> float:
    """Loudness of μ-law audio, 0..1; zero when there is none."""
    return audioop.rms(audioop.ulaw2lin(audio, 2), 2) / 32768 if audio else 0.0


def frame_levels(audio: bytes) -> Samples:
    """RMS of each whole 20 ms of μ-law audio, 0..1."""
    whole = len(audio) // _FRAME * _FRAME
    frames = from_mulaw(audio[:whole]).reshape(-1, _FRAME)
    levels: Samples = np.sqrt(np.mean(frames * frames, axis=1))
    return levels


def interpolate(samples: Samples, factor: int) -> Samples:
    """`factor` times the rate, same duration."""
    phases = _filter(factor) * factor
    padded = np.pad(samples, (_TAPS // 2 - 1, _TAPS // 2))
    interleaved: Samples = np.stack([np.convolve(padded, taps, "valid") for taps in phases], axis=1)
    return interleaved.reshape(-1)


def decimate(samples: Samples, factor: int) -> Samples:
    """One `factor`th of the rate, same duration."""
    length = -(-len(samples) // factor)
    before = factor * (_TAPS // 2) - 1
    return _decimated(
        np.pad(samples, (before, factor * (length + _TAPS - 1) - before - len(samples))), factor
    )


class Decimator:
    """`decimate`, chunk by chunk and to the same samples: each comes out once all that it depends on has come in.

    That is 2 ms later; `flush` gives the last of them.
    """

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._waiting: Samples = np.zeros(factor * (_TAPS // 2) - 1, np.float32)
        self._owed = 0.0

    def push(self, samples: Samples) -> Samples:
        """What can be made with these as well."""
        self._owed += len(samples) / self._factor
        return self._made(samples)

    def flush(self) -> Samples:
        """The rest; nothing may be pushed after it."""
        owed = math.ceil(self._owed - 1e-6)
        return self._made(np.zeros(self._factor * _TAPS, np.float32))[:owed]

    def _made(self, samples: Samples) -> Samples:
        waiting = np.concatenate([self._waiting, samples])
        count = max(0, len(waiting) // self._factor - _TAPS + 1)
        self._waiting = waiting[count * self._factor :]
        self._owed -= count
        whole = waiting[: (count + _TAPS - 1) * self._factor]
        return _decimated(whole, self._factor) if count else waiting[:0]


def _decimated(padded: Samples, factor: int) -> Samples:
    """One sample for each place where the filter fits in, `factor` apart."""
    count = len(padded) // factor - _TAPS + 1
    pieces = range(0, max(1, count), _PIECE)
    return np.concatenate(
        [_decimated_piece(padded[at * factor : (at + _PIECE + _TAPS - 1) * factor], factor) for at in pieces]
    )


def _decimated_piece(padded: Samples, factor: int) -> Samples:
    """Blocks of so many samples as the filter has taps reach into one block more: two products of matrices."""
    count = len(padded) // factor - _TAPS + 1
    size = _TAPS * factor
    blocks = np.zeros((-(-count // _TAPS) + 1, size), np.float32)
    blocks.reshape(-1)[: len(padded)] = padded
    this, following = _decimating(factor)
    made: Samples = blocks[:-1] @ this + blocks[1:] @ following
    return made.reshape(-1)[:count]


@cache
def _decimating(factor: int) -> tuple[Samples, Samples]:
    """What a block and the one after it give to each sample of the block."""
    size = _TAPS * factor
    both = np.zeros((2 * size, _TAPS), np.float32)
    for sample in range(_TAPS):
        both[sample * factor :, sample][:size] = _filter(factor).T.reshape(-1)[::-1]
    return both[:size].copy(), both[size:].copy()


@cache
def _filter(factor: int) -> Samples:
    """Low-pass at half the lower rate, unity gain, one row of taps for each of the `factor` phases."""
    count = _TAPS * factor
    offsets = np.arange(count) - count // 2
    taps = np.sinc(offsets * _PASS_BAND / factor) * np.kaiser(count + 1, _KAISER_BETA)[:count]
    phases: Samples = (taps / taps.sum()).astype(np.float32).reshape(_TAPS, factor).T.copy()
    return phases


def limit(samples: Samples, knee: float = 0.7) -> Samples:
    """Leave what is below `knee` alone and bend the rest so that it never reaches 1."""
    level = np.abs(samples)
    bent = knee + (1 - knee) * np.tanh((level - knee) / (1 - knee))
    return np.where(level > knee, np.copysign(bent, samples), samples).astype(np.float32)


def for_the_telephone(samples: Samples, *, rate_factor: int, gain: float) -> bytes:
    """A synthesised sentence as μ-law: at 8 kHz, louder by `gain`, its silence cut to 20 ms before and 50 ms after.

    The ends fade, so that sentences join without a click. Empty when there is no sound in it.
    """
    samples = limit(decimate(samples, rate_factor) * np.float32(gain))
    loud = np.flatnonzero(np.abs(samples) > _AUDIBLE)
    if not len(loud):
        return b""
    first = max(loud[0], int(np.argmax(np.abs(samples) > _AUDIBLE_AT_ONCE)))
    start, end = max(0, first - 20 * BYTES_PER_MS), loud[-1] + 50 * BYTES_PER_MS
    return to_mulaw(_faded(samples[start:end]))


def _faded(samples: Samples) -> Samples:
    ramp = np.linspace(0, 1, min(5 * BYTES_PER_MS, len(samples)), dtype=np.float32)
    faded = samples.copy()
    faded[: len(ramp)] *= ramp
    faded[-len(ramp) :] *= ramp[::-1]
    return faded

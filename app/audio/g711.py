"""G.711 μ-law (ITU-T G.711) at 8,000 Hz: the telephone's audio, 8 bytes a millisecond."""

from __future__ import annotations

import audioop
from collections.abc import Iterator

BYTES_PER_MS = 8
FRAME_MS = 20
FRAME_BYTES = FRAME_MS * BYTES_PER_MS
SILENCE = b"\xff"


def duration_ms(audio: bytes) -> float:
    """How long μ-law audio lasts, in milliseconds."""
    return len(audio) / BYTES_PER_MS


def frames(audio: bytes) -> Iterator[bytes]:
    """The same μ-law audio in pieces of 20 ms, the last of which may be shorter."""
    return (audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES))


def to_linear(audio: bytes) -> bytes:
    """μ-law to 16-bit linear PCM, native byte order."""
    return audioop.ulaw2lin(audio, 2)


def from_linear(pcm: bytes) -> bytes:
    """16-bit linear PCM to μ-law."""
    return audioop.lin2ulaw(pcm, 2)


def rms(audio: bytes) -> int:
    """Root mean square of μ-law audio on the 16-bit scale, 0..32767."""
    return audioop.rms(audioop.ulaw2lin(audio, 2), 2)


def faded_out(audio: bytes) -> bytes:
    """The same μ-law audio, ever softer, in steps of 5 ms."""
    pcm, step = to_linear(audio), 2 * 5 * BYTES_PER_MS
    parts = range(0, len(pcm), step)
    return from_linear(b"".join(audioop.mul(pcm[at : at + step], 2, 1 - at / len(pcm)) for at in parts))

"""G.711 μ-law (ITU-T G.711) at 8,000 Hz: the telephone's audio, 8 bytes a millisecond."""

from __future__ import annotations

import audioop

BYTES_PER_MS = 8
FRAME_MS = 20
FRAME_BYTES = FRAME_MS * BYTES_PER_MS
SILENCE = b"\xff"


def duration_ms(audio: bytes) -> float:
    """How long μ-law audio lasts, in milliseconds."""
    return len(audio) / BYTES_PER_MS


def to_linear(audio: bytes) -> bytes:
    """μ-law to 16-bit linear PCM, native byte order."""
    return audioop.ulaw2lin(audio, 2)


def from_linear(pcm: bytes) -> bytes:
    """16-bit linear PCM to μ-law."""
    return audioop.lin2ulaw(pcm, 2)


def rms(audio: bytes) -> int:
    """Root mean square of μ-law audio on the 16-bit scale, 0..32767."""
    return audioop.rms(audioop.ulaw2lin(audio, 2), 2)

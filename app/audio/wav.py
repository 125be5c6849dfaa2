"""The header of a WAV file of telephone sound: 8,000 Hz, 16 bit."""

from __future__ import annotations

import struct

RATE_HZ = 8000
SAMPLE_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size


def header(data_bytes: int, channels: int = 1) -> bytes:
    """RIFF WAVE, PCM (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0")."""
    frame_bytes = SAMPLE_BYTES * channels
    return _HEADER.pack(
        b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE",
        b"fmt ", 16, 1, channels, RATE_HZ, RATE_HZ * frame_bytes, frame_bytes, 8 * SAMPLE_BYTES,
        b"data", data_bytes,
    )  # fmt: skip

"""Tones that a line itself makes."""

from __future__ import annotations

import math
from array import array

from app.audio.g711 import from_linear

RATE_HZ = 8000


def tone(hertz: float, ms: int, level: float = 0.25) -> bytes:
    """A sine as μ-law, faded in and out over 5 ms; `level` is its peak, 0..1 of full scale."""
    count = ms * RATE_HZ // 1000
    fade = RATE_HZ // 200
    samples = (
        round(
            32767
            * level
            * min(1.0, n / fade, (count - 1 - n) / fade)
            * math.sin(math.tau * hertz * n / RATE_HZ)
        )
        for n in range(count)
    )
    return from_linear(array("h", samples).tobytes())


# after which a message is taken, as answering machines do
RECORD_TONE = tone(1000, 400)

"""`python -m scripts.benches.plain_silence MS`: serve, with every turn ended by the same silence.

The yardstick for what listening to words and intonation is worth.
"""

from __future__ import annotations

import sys
from unittest.mock import patch

from app.audio.endpoint import Pause
from app.call import floor
from app.cli import cli


def serve(silence_ms: float) -> None:
    """Serve as `callrelay serve` does. Turns end `silence_ms` after the last voiced window."""

    def silence_needed_ms(pause: Pause, language: str) -> float:
        return silence_ms

    with patch.object(floor, "silence_needed_ms", silence_needed_ms):
        cli(["serve"])


if __name__ == "__main__":
    serve(float(sys.argv[1]))

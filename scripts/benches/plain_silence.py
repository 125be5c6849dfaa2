"""`python -m scripts.benches.plain_silence MS`: serve, with every turn ended by the same silence.

The yardstick for what listening to words and intonation is worth.
"""

from __future__ import annotations

import sys

from app.audio import endpoint
from app.cli import cli

SILENCES = [name for name in vars(endpoint) if name.endswith("_MS")]


def serve(silence_ms: float) -> None:
    """Serve as `callrelay serve` does. Turns end `silence_ms` after the last voiced window."""
    for name in SILENCES:
        setattr(endpoint, name, silence_ms)
    cli(["serve"])


if __name__ == "__main__":
    serve(float(sys.argv[1]))

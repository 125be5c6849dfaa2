"""The command line as a whole."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"numpy", "httpx", "yaml", "uvicorn", "app.call.call", "app.flow", "app.simulator.call"}
LOOK = "import sys, app.cli; print(*sys.modules)"


def test_no_command_waits_for_what_another_needs() -> None:
    told = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert HEAVY & set(told.stdout.split()) == set()

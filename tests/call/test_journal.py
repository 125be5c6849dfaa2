from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.call.journal import Journal, path_of, read
from app.clock import ManualClock
from app.errors import RelayError


def test_lines_carry_the_date_and_the_time_since_the_call_began(tmp_path: Path, clock: ManualClock) -> None:
    journal = Journal(tmp_path, "CA1", clock)
    clock.advance(1.5)
    journal.write("said", text="Hello — ¿qué tal?", node="greet", cached=False)
    (line,) = read(path_of(tmp_path, "CA1"))
    assert line == {
        "at": "2026-01-01T00:00:01.500Z",
        "ms": 1500,
        "event": "said",
        "text": "Hello — ¿qué tal?",
        "node": "greet",
        "cached": False,
    }


def test_closing_twice_ends_the_call_once(tmp_path: Path, clock: ManualClock) -> None:
    journal = Journal(tmp_path, "CA1", clock)
    journal.close("hangup")
    journal.close("error")
    assert [(line["event"], line["reason"]) for line in read(path_of(tmp_path, "CA1"))] == [
        ("call_ended", "hangup")
    ]
    with pytest.raises(RelayError, match="'said' came too late"):
        journal.write("said")


def test_nobody_else_can_read_it(tmp_path: Path, clock: ManualClock) -> None:
    Journal(tmp_path, "CA1", clock).close("hangup")
    assert path_of(tmp_path, "CA1").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../x", "", "CA/1", "CA.1", "ü", "C" * 65])
def test_a_name_that_is_no_call_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RelayError, match="no call's SID"):
        path_of(tmp_path, name)


def test_a_torn_last_line_is_left_out(tmp_path: Path, clock: ManualClock) -> None:
    Journal(tmp_path, "CA1", clock).close("hangup")
    with path_of(tmp_path, "CA1").open("ab") as file:
        file.write(b'{"event":"sai')
    assert [line["event"] for line in read(path_of(tmp_path, "CA1"))] == ["call_ended"]


@pytest.mark.real_time
def test_what_write_returned_from_survives_a_kill(tmp_path: Path) -> None:
    writer = textwrap.dedent(f"""
        import itertools
        from pathlib import Path
        from app.call.journal import Journal
        from app.clock import SystemClock
        journal = Journal(Path({str(tmp_path)!r}), "CA1", SystemClock())
        for number in itertools.count():
            journal.write("said", number=number)
            print(number, flush=True)
    """)
    with subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        acknowledged = [int(process.stdout.readline()) for _ in range(500)][-1]
        os.kill(process.pid, signal.SIGKILL)
    lines = path_of(tmp_path, "CA1").read_text().splitlines(keepends=True)
    whole = [json.loads(line)["number"] for line in lines if line.endswith("\n")]
    assert whole == list(range(len(whole)))
    assert len(whole) > acknowledged

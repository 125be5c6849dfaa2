from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.call.journal import Journal, path_of, read
from app.call.registry import SETTLE_EVERY_S
from app.clock import ManualClock
from app.errors import RelayError
from app.simulator.steps import Say
from tests.call.relay import events, running


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


class Disk:
    """Takes `room` bytes more, and then nothing until it has room again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._write = os.write
        self.room = 1_000_000
        monkeypatch.setattr("app.call.journal.os.write", self.write)

    def write(self, file: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(file, data[: self.room])
        self.room -= written
        return written


def numbers(directory: Path) -> list[int]:
    return [line["number"] for line in read(path_of(directory, "CA1")) if line["event"] == "said"]


def test_what_a_full_disk_does_not_take_is_written_when_it_does(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(monkeypatch)
    journal = Journal(tmp_path, "CA1", clock)
    for number in range(5):
        if number == 2:
            disk.room = 30  # the third line is torn
        journal.write("said", number=number)
    assert numbers(tmp_path) == [0, 1]
    disk.room = 1_000_000
    journal.write("said", number=5)
    assert numbers(tmp_path) == [0, 1, 2, 3, 4, 5]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_no_more_than_a_thousand_lines_wait(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    journal = Journal(tmp_path, "CA1", clock)
    disk.room = 0
    for number in range(1500):
        journal.write("said", number=number)
    disk.room = 1_000_000
    journal.close("hangup")
    assert numbers(tmp_path)[0] == 0  # was on its way already
    assert numbers(tmp_path)[1:] == list(range(501, 1500))


def test_a_file_that_cannot_be_made_is_made_later(tmp_path: Path, clock: ManualClock) -> None:
    data = tmp_path / "data"
    data.write_text("in the way")
    journal = Journal(data, "CA1", clock)
    journal.write("said", number=0)
    data.unlink()
    journal.close("hangup")
    assert [line["event"] for line in read(path_of(data, "CA1"))] == ["said", "call_ended"]


def test_a_call_has_one_record(tmp_path: Path, clock: ManualClock) -> None:
    Journal(tmp_path, "CA1", clock).close("hangup")
    with pytest.raises(FileExistsError):
        Journal(tmp_path, "CA1", clock)


async def test_a_full_disk_ends_no_call_and_its_record_is_whole_in_the_end(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    async with running(clock, tmp_path, ["one", "two"]) as relay:

        async def fill() -> None:
            await asyncio.sleep(2)
            disk.room = 0

        async with asyncio.TaskGroup() as group:
            group.create_task(fill())
            placed = await relay.call("echo", [Say("one"), Say("two")])
        assert not relay.relay.registry.sids
        assert not events(relay.journal(placed), "call_ended")
        disk.room = 1_000_000
        await asyncio.sleep(SETTLE_EVERY_S)
        assert [line["text"] for line in events(relay.journal(placed), "utterance")] == ["one", "two"]
        assert relay.journal(placed)[-1]["event"] == "call_ended"

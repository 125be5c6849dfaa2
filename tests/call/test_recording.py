"""The sound of calls: whole, side by side, silent over secrets, and complete however a call ends."""

from __future__ import annotations

import asyncio
import resource
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.audio.g711 import SILENCE, to_linear
from app.call.recording import Tape
from app.call.secrecy import Secrecy
from app.carriers.events import ClearAudio, PlayAudio
from app.clock import ManualClock
from app.settings import Settings
from app.simulator.faults import Faults
from app.simulator.steps import BargeIn, Press, Say, StaySilent, Step
from tests.call.relay import FLOWS, events, inline, running
from tests.call.services import SECRET, flows_in

RECORDING = Settings(flows_dir=FLOWS, default_flow="echo", record_calls=True)
Sound = NDArray[np.int16]


def tracks(path: Path) -> tuple[Sound, Sound]:
    """The caller's and the agent's; what is in the header must fit."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        assert len(both) == file.getnframes() == (path.stat().st_size - 44) / 4
    return both[:, 0], both[:, 1]


def loud_s(track: Sound) -> tuple[float, float]:
    """From when to when there is sound."""
    (places,) = np.nonzero(np.abs(track.astype(int)) > 500)
    return places[0] / 8000, places[-1] / 8000


class Confidant:
    """Has no secrets, or only secrets."""

    def __init__(self, secret: bool) -> None:
        self.secrecy = Secrecy(in_force=secret)
        self.speaker = self

    @property
    def unheard(self) -> list[object]:
        return []


def tape_of(clock: ManualClock, path: Path, secret: bool = False) -> Tape:
    return Tape(path, clock, inline, Confidant(secret))  # type: ignore[arg-type]


async def test_a_disk_that_hangs_keeps_no_call_from_ending(
    clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def hung(work: Callable[[], bool]) -> bool:
        await asyncio.Event().wait()
        return work()

    tape = Tape(tmp_path / "CA1.wav", clock, hung, Confidant(secret=False))  # type: ignore[arg-type]
    clock.advance(1)
    async with asyncio.timeout(4):
        await tape.aclose()
    assert "CA1.wav: the disk does not answer" in caplog.text


async def test_both_sides_stand_where_they_were_heard(clock: ManualClock, tmp_path: Path) -> None:
    path, loud = tmp_path / "recordings" / "CA1.wav", b"\x00" * 160
    tape = tape_of(clock, path)
    for _ in range(20):
        tape.sent(PlayAudio(loud))
    clock.advance(0.1)
    tape.sent(ClearAudio())
    clock.advance(0.4)
    tape.heard(loud)
    clock.advance(0.5)
    await tape.aclose()
    caller, agent = tracks(path)
    assert len(caller) == 8000
    assert loud_s(agent) == pytest.approx((0.0, 0.1), abs=0.001)
    assert loud_s(caller) == pytest.approx((0.48, 0.5), abs=0.001)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_jitter_leaves_no_holes(clock: ManualClock, tmp_path: Path) -> None:
    tape, loud = tape_of(clock, tmp_path / "CA1.wav"), b"\x00" * 160
    for wait_s in (0.02, 0.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.02):
        clock.advance(wait_s)
        tape.heard(loud)
    clock.advance(1)
    await tape.aclose()
    caller, _ = tracks(tmp_path / "CA1.wav")
    assert np.array_equal(caller[:1600], np.frombuffer(to_linear(loud * 10), np.int16))


async def test_a_secret_is_silence_on_both_sides(clock: ManualClock, tmp_path: Path) -> None:
    tape = tape_of(clock, tmp_path / "CA1.wav", secret=True)
    tape.heard(b"\x00" * 160)
    tape.sent(PlayAudio(b"\x00" * 160))
    clock.advance(1)
    await tape.aclose()
    silence = np.frombuffer(to_linear(SILENCE * 8000), np.int16)
    assert all(np.array_equal(track, silence) for track in tracks(tmp_path / "CA1.wav"))


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """A disk that becomes full in the middle of a write, as far as this process can tell."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_the_disk_did_not_take_is_silence_and_the_rest_keeps_its_place(
    clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "CA1.wav"
    tape, loud = tape_of(clock, path), b"\x00" * 8000

    async def second() -> None:
        clock.advance(1)
        tape.heard(loud)
        await tape._write(8000)

    await second()
    with files_of_at_most(path.stat().st_size + 1001):
        await second()
        await second()
    assert tape.seconds == 1.0
    assert len(tracks(path)[0]) == 8000
    await second()
    assert tape.seconds == 4.0
    caller, _ = tracks(path)
    assert [bool(np.all(second)) for second in np.split(caller, 4)] == [True, False, False, True]
    assert not np.any(caller[8000:24000])
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "CA1.wav cannot be written"
    ]


@pytest.mark.parametrize(
    ("flow", "steps", "faults"),
    [
        ("echo", [Say("good morning")], Faults()),
        ("greeting", [Say("goodbye")], Faults()),
        ("greeting", [BargeIn(800, "goodbye")], Faults()),
        ("echo", [StaySilent(5)], Faults(lose_at_ms=2000)),
        ("echo", [StaySilent(3)], Faults(drop=0.2)),
    ],
    ids=["hangup", "goodbye", "barge-in", "lost", "holes"],
)
async def test_every_way_a_call_ends_leaves_a_whole_file(
    clock: ManualClock, tmp_path: Path, flow: str, steps: list[Step], faults: Faults
) -> None:
    async with running(clock, tmp_path, ["goodbye"], settings=RECORDING) as relay:
        placed = await relay.call(flow, steps, faults=faults)
    caller, agent = tracks(tmp_path / "recordings" / f"{placed.report.call_sid}.wav")
    recorded = events(relay.journal(placed), "call_recorded")
    assert sum(one["seconds"] for one in recorded) == pytest.approx(len(caller) / 8000, abs=0.1)
    assert loud_s(agent)[0] < 0.5
    assert len(events(relay.journal(placed), "call_ended")) == 1


async def test_a_server_that_stops_leaves_a_whole_file(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning"], settings=RECORDING) as relay:
        placed = await relay.call("echo", [Say("good morning")])
    (path,) = (tmp_path / "recordings").iterdir()
    caller, agent = tracks(path)
    turn = placed.report.turns[0]
    assert turn.answer_audio_ms is not None
    answered_s = loud_s(agent)[1] - loud_s(caller)[1]
    assert answered_s > turn.answer_audio_ms / 1000


async def test_nothing_is_recorded_unless_it_is_asked_for(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning"]) as relay:
        await relay.call("echo", [Say("good morning")])
    assert not (tmp_path / "recordings").exists()


async def test_the_code_that_a_caller_says_is_not_in_the_file(clock: ManualClock, tmp_path: Path) -> None:
    settings = replace(flows_in(tmp_path, SECRET), record_calls=True)
    async with running(clock, tmp_path, ["one two three four"], settings=settings) as relay:
        placed = await relay.call("secret", [Say("one two three four"), Press("1")])
    caller, agent = tracks(tmp_path / "recordings" / f"{placed.report.call_sid}.wav")
    assert placed.report.ended == "server_hung_up"
    assert not np.any(np.abs(caller.astype(int)) > 500)
    assert not np.any(np.abs(agent.astype(int)) > 500)

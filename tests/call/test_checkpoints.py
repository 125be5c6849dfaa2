"""Checkpoints are written beside the event loop, and whatever else is done with a call's row is done after them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from app.call.call import Call
from app.call.call_store import CallStore, StoreTrouble
from app.call.checkpoints import WRITE_EVERY_S, Checkpoints
from app.call.journal import Journal
from app.call.state_file import NAME
from app.clock import ManualClock
from app.flow import load
from app.flow.state import State

FLOW = load(
    "{flow: short, format: 1, languages: [en], start: end, nodes: {end: {say: Goodbye., hangup: true}}}",
    "flows/short.yaml",
)


class Beside:
    """A thread that does what it is given when it is let, and not before; `held` is what it has been given."""

    def __init__(self) -> None:
        self.held: list[Callable[[], bool]] = []
        self._may = asyncio.Event()

    async def __call__(self, work: Callable[[], bool]) -> bool:
        self.held.append(work)
        await self._may.wait()
        return work()

    def go_on(self) -> None:
        self._may.set()


class Kept:
    """A call store with its checkpoints; `told` is what became of calls, by SID."""

    def __init__(self, data_dir: Path, clock: ManualClock) -> None:
        self.told: list[tuple[str, bool]] = []
        self.beside = Beside()
        self.store = CallStore(data_dir, clock, "")
        self.checkpoints = Checkpoints(
            self.store, self.beside, lambda call, ours: self.told.append((call.sid, ours))
        )
        self._data_dir, self._clock = data_dir, clock

    def call(self, sid: str) -> Call:
        call = Call(sid, FLOW, {}, "en", "", "", Journal(self._data_dir, sid, self._clock))
        call.changes = self.store.begin(sid, call.saved(), 30.0)
        return call

    def step(self, call: Call, node: str) -> None:
        """The call's flow goes to a node."""
        call.state = State("short", "1", "en", node)
        self.checkpoints.note(call, 30.0)

    def node(self, sid: str) -> str | None:
        """Where the call is, for all that another worker knows."""
        row = self.store.look(sid)
        return row.saved.state["node"] if row and row.saved.state else None


@asynccontextmanager
async def keeping(data_dir: Path, clock: ManualClock) -> AsyncIterator[Kept]:
    kept = Kept(data_dir, clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(kept.checkpoints.run())
        yield kept
        running.cancel()
    kept.store.close()


async def test_steps_are_written_together_and_of_several_the_last(tmp_path: Path, clock: ManualClock) -> None:
    async with keeping(tmp_path, clock) as kept:
        kept.beside.go_on()
        one, other = kept.call("CA1"), kept.call("CA2")
        kept.step(one, "first")
        kept.step(one, "second")
        kept.step(other, "third")
        assert kept.node("CA1") is None
        await asyncio.sleep(WRITE_EVERY_S)
        assert (kept.node("CA1"), kept.node("CA2")) == ("second", "third")
        assert len(kept.beside.held) == 1
        assert (one.changes, other.changes) == (2, 2)
        assert kept.told == [("CA1", True), ("CA2", True)]


async def test_who_cannot_wait_writes_what_no_thread_has_begun(tmp_path: Path, clock: ManualClock) -> None:
    async with keeping(tmp_path, clock) as kept:
        call = kept.call("CA1")
        kept.step(call, "first")
        await asyncio.sleep(WRITE_EVERY_S)
        assert kept.node("CA1") is None
        kept.checkpoints.settle()
        assert (kept.node("CA1"), call.changes) == ("first", 2)
        assert kept.store.remove("CA1", 2)
        kept.beside.go_on()
        await asyncio.sleep(WRITE_EVERY_S)
        assert kept.told == [("CA1", True)]
        assert kept.store.look("CA1") is None


async def test_what_is_forgotten_does_not_replace_what_was_kept_since(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with keeping(tmp_path, clock) as kept:
        kept.beside.go_on()
        call = kept.call("CA1")
        kept.step(call, "first")
        kept.checkpoints.forget(call)
        await asyncio.sleep(WRITE_EVERY_S)
        assert (kept.node("CA1"), call.changes, kept.told) == (None, 1, [])


async def test_a_call_that_another_worker_has_taken_is_told(tmp_path: Path, clock: ManualClock) -> None:
    async with keeping(tmp_path, clock) as kept:
        kept.beside.go_on()
        ours, taken = kept.call("CA1"), kept.call("CA2")
        with closing(CallStore(tmp_path, clock, "")) as other:
            assert other.claim("CA2", 30.0)
        kept.step(ours, "first")
        kept.step(taken, "first")
        await asyncio.sleep(WRITE_EVERY_S)
        assert kept.told == [("CA1", True), ("CA2", False)]
        assert (kept.node("CA1"), kept.node("CA2")) == ("first", None)


async def test_a_file_that_cannot_be_used_ends_no_call_and_is_tried_again(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with keeping(tmp_path, clock) as kept:
        kept.beside.go_on()
        call = kept.call("CA1")
        with closing(sqlite3.connect(tmp_path / NAME)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            kept.step(call, "first")
            await asyncio.sleep(WRITE_EVERY_S)
            assert (kept.told, call.changes) == ([], 1)
            assert "cannot be kept: database is locked" in caplog.text
            locking.rollback()
        kept.step(call, "second")
        await asyncio.sleep(WRITE_EVERY_S)
        assert (kept.node("CA1"), call.changes, kept.told) == ("second", 2, [("CA1", True)])


def test_many_calls_are_looked_after_in_one_go(tmp_path: Path, clock: ManualClock) -> None:
    store = CallStore(tmp_path, clock, "")
    for sid in ("CA1", "CA2", "CA3"):
        call = Call(sid, FLOW, {}, "en", "", "", Journal(tmp_path, sid, clock))
        store.begin(sid, call.saved(), 30.0)
        call.journal.abandon()
    clock.advance(20.0)
    assert store.renew_all({"CA1": 1, "CA2": 7}, 30.0) == [True, False]
    clock.advance(15.0)
    assert sorted(store.stale()) == ["CA2", "CA3"]
    store.close()
    with pytest.raises(StoreTrouble):
        store.renew_all({"CA1": 1}, 30.0)

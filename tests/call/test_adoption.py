"""Checkpoints that another worker left, the unusable ones too, and calls that another worker takes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.call.call import Call
from app.call.call_store import CallStore, SavedCall
from app.call.flow_store import FlowStore
from app.call.journal import Journal, path_of, read
from app.call.registry import HELD_S, LEFT_ALONE, CallRegistry
from app.call.saying import NOTHING
from app.clock import ManualClock
from app.ops.call_book import CallBook
from app.ops.metrics import CallMetrics
from app.ops.quality import QualityBook
from tests.call.relay import FLOWS, RunningRelay, events, inline, running
from tests.web.test_streams import ring

KEPT_S = 40.0
SAVED = SavedCall(
    flow="echo",
    language="en",
    caller="",
    called="",
    seed=1,
    began=0.0,
    connects=0,
    state=None,
    transfer=None,
    apology=False,
    arriving=None,
    left=NOTHING,
)
OUTDATED = msgspec.structs.replace(SAVED, state={"of": "another version"})
GONE = msgspec.structs.replace(SAVED, flow="gone")
UNUSABLE = pytest.mark.parametrize(
    ("saved", "secret"), [(OUTDATED, ""), (GONE, ""), (SAVED, "another secret"), (SAVED, "torn")]
)


async def leave(data_dir: Path, clock: ManualClock, sid: str, saved: SavedCall, secret: str = "") -> None:
    """What a worker leaves that dies after ten seconds of a call."""
    journal = Journal(data_dir, sid, clock)
    journal.write("call_started", flow=saved.flow)
    await asyncio.sleep(10)
    journal.write("said", text="Go ahead.")
    journal.leave()
    with closing(CallStore(data_dir, clock, secret)) as store:
        store.begin(sid, saved, KEPT_S)
    if secret == "torn":
        with closing(sqlite3.connect(data_dir / "state.sqlite3", isolation_level=None)) as database:
            database.execute("UPDATE calls SET sealed = x'00' WHERE sid = ?", (sid,))


def rows(data_dir: Path) -> list[str]:
    with closing(sqlite3.connect(data_dir / "state.sqlite3")) as database:
        return [sid for (sid,) in database.execute("SELECT sid FROM calls ORDER BY sid")]


def ends(data_dir: Path, sid: str) -> list[dict[str, Any]]:
    return events(list(read(path_of(data_dir, sid))), "call_ended")


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@UNUSABLE
async def test_a_checkpoint_that_cannot_be_used_is_hung_up_on(
    clock: ManualClock, tmp_path: Path, saved: SavedCall, secret: str
) -> None:
    await leave(tmp_path, clock, "CA1", saved, secret)
    async with running(clock, tmp_path, []) as relay:
        await relay.post("/voice/dial-ended", ("CallSid", "CA0"))  # the first request opens what stays open
        held = descriptors()
        for path in ("dial-ended", "stream-ended"):
            answer = await relay.post(f"/voice/{path}", ("CallSid", "CA1"))
            assert answer.status == 200
            assert b"<Hangup" in answer.body
        assert not relay.relay.registry.sids
        assert descriptors() == held


@UNUSABLE
async def test_a_checkpoint_that_cannot_be_used_stops_nobody(
    clock: ManualClock, tmp_path: Path, saved: SavedCall, secret: str
) -> None:
    await leave(tmp_path, clock, "CA1", saved, secret)
    await leave(tmp_path, clock, "CA2", SAVED)
    async with running(clock, tmp_path, []) as relay:
        await asyncio.sleep(KEPT_S + 2)
        assert rows(tmp_path) == []
        assert await ring(relay, "CA3")
    for sid in ("CA1", "CA2"):
        (end,) = ends(tmp_path, sid)
        assert (end["reason"], end["seconds"]) == (LEFT_ALONE, 10)


async def test_a_call_that_is_over_is_ended_once(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        call = await rung(relay)
        with closing(sqlite3.connect(tmp_path / "state.sqlite3", isolation_level=None)) as busy:
            busy.execute("BEGIN IMMEDIATE")
            relay.relay.registry.end(call, "hangup")
        assert rows(tmp_path) == ["CA1"]
        answer = await relay.post("/voice/stream-ended", ("CallSid", "CA1"))
        assert b"<Hangup" in answer.body
        await asyncio.sleep(70)
        assert rows(tmp_path) == []
    assert [end["reason"] for end in ends(tmp_path, "CA1")] == ["hangup"]


async def rung(relay: RunningRelay) -> Call:
    """A call that waits for its stream."""
    await ring(relay, "CA1")
    call = relay.relay.registry.get("CA1")
    assert call
    return call


class Late(CallStore):
    """The worker of the stale calls comes back to them as soon as they are found."""

    def stale(self) -> list[str]:
        found = list(super().stale())
        for sid in found:
            assert self.renew(sid, 1, HELD_S)
        return found


async def test_a_worker_that_was_late_keeps_its_call(clock: ManualClock, tmp_path: Path) -> None:
    await leave(tmp_path, clock, "CA1", SAVED)
    await asyncio.sleep(KEPT_S + 1)
    with closing(Late(tmp_path, clock, "")) as store:
        book = CallBook(clock, QualityBook(clock, 300, 500, 0.85), CallMetrics(CollectorRegistry()))
        registry = CallRegistry(store, FlowStore(FLOWS, {}), tmp_path, clock, book, inline)
        await registry._look_at_all()
        row = store.look("CA1")
    assert row
    assert row.changes == 1
    assert ends(tmp_path, "CA1") == []


async def test_who_ends_a_call_that_was_taken_lets_go_of_its_record(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, []) as one, running(clock, tmp_path, []) as other:
        held = descriptors()
        call = await rung(one)
        taken = other.relay.registry.claim("CA1")
        assert taken
        one.relay.registry.end(call, "no stream came")
        assert call.over
        other.relay.registry.end(taken, "hangup")
        assert descriptors() == held
        assert one.relay.operations.book.as_json()["live"] == []
    assert [end["reason"] for end in ends(tmp_path, "CA1")] == ["hangup"]


async def test_a_stream_for_a_call_that_was_taken_is_let_go(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as one, running(clock, tmp_path, []) as other:
        call = await rung(one)
        assert other.relay.registry.claim("CA1")
        reasons: list[str] = []
        assert not await one.relay.registry.attach(call, reasons.append)
        assert reasons
        assert not one.relay.registry.sids
        assert not call.stream
        await one.relay.registry.all_ended()

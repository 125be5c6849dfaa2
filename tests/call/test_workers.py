"""Several workers, one address: whoever gets a call's next stream or webhook goes on with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from app.call.call_store import CallStore
from app.call.checkpoints import WRITE_EVERY_S
from app.call.journal import path_of, read
from app.call.registry import HELD_S, LEFT_ALONE
from app.call.saying import NOTHING
from app.clock import ManualClock
from app.flow.state import State
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan
from app.simulator.carriage import Form, Listener, Response, Socket
from app.simulator.steps import Press, Say, StaySilent, Step
from tests.call.relay import UNSIGNED, URL, RunningRelay, events, running
from tests.simulator.calls import Placed, call_over
from tests.web.test_streams import connected, ring, start


@dataclass
class InTurn:
    """A carriage that takes every request and every stream to the next worker."""

    carriages: Sequence[AsgiCarriage]

    def __post_init__(self) -> None:
        self._next = cycle(self.carriages)

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        return await next(self._next).request(method, url, form, headers)

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> Socket:
        return await next(self._next).connect(url, headers, listener)


@asynccontextmanager
async def workers(clock: ManualClock, data_dir: Path, count: int) -> AsyncIterator[list[RunningRelay]]:
    async with AsyncExitStack() as opened:
        yield [
            await opened.enter_async_context(running(clock, data_dir, lambda number: "yes"))
            for _ in range(count)
        ]


async def call(relays: Sequence[RunningRelay], flow: str, steps: Sequence[Step], **changes: Any) -> Placed:
    plan = replace(CallPlan(f"{URL}/voice/incoming?flow={flow}", UNSIGNED), **changes)
    return await call_over(InTurn([one.carriage for one in relays]), relays[0].clock, steps, plan)


def told(journal: Sequence[dict[str, Any]]) -> list[tuple[str, object]]:
    """What happened, without when."""
    return [
        (event["event"], event.get("text") or event.get("node") or event.get("reason")) for event in journal
    ]


CALLS: list[tuple[str, list[Step], dict[str, Any]]] = [
    ("echo", [Say("one"), Say("two")], {}),
    ("greeting", [Press("1"), StaySilent(3)], {}),
    ("greeting", [Press("2"), StaySilent(20)], {"dial_outcome": "busy"}),
    ("greeting", [Press("2"), StaySilent(20)], {"dial_outcome": "answered"}),
]


@pytest.mark.parametrize(("flow", "steps", "changes"), CALLS)
@pytest.mark.parametrize("count", [2, 3])
async def test_a_call_that_wanders_goes_as_one_that_stays(
    clock: ManualClock, tmp_path: Path, flow: str, steps: list[Step], changes: dict[str, Any], count: int
) -> None:
    async with workers(clock, tmp_path / "one", 1) as relays:
        stayed = relays[0].journal(await call(relays, flow, steps, **changes))
    async with workers(clock, tmp_path / "many", count) as relays:
        wandered = relays[0].journal(await call(relays, flow, steps, **changes))
        await asyncio.sleep(2)
        assert [len(one.relay.registry) for one in relays] == [0] * count
    assert told(wandered) == told(stayed)
    assert wandered[-1]["event"] == "call_ended"
    moments = [event["ms"] for event in wandered]
    assert moments == sorted(moments)


async def test_a_stream_elsewhere_takes_the_place_of_a_dead_one(clock: ManualClock, tmp_path: Path) -> None:
    async with workers(clock, tmp_path, 2) as (one, other):
        async with connected(one) as dead, connected(other) as newer:
            dead.send(start("CA1", await ring(one, "CA1")))
            await asyncio.sleep(1)
            newer.send(start("CA1", await ring(other, "CA1", "/voice/stream-ended")))
            await dead.is_closed.wait()
            await asyncio.sleep(1)
            assert newer.received
            assert not newer.is_closed.is_set()
            assert (len(one.relay.registry), len(other.relay.registry)) == (0, 1)
        await other.relay.registry.all_ended()
    journal = list(read(path_of(tmp_path, "CA1")))
    assert [event["event"] for event in journal].count("call_ended") == 1
    assert journal[-1]["event"] == "call_ended"


async def test_a_replayed_webhook_is_refused_by_every_worker(clock: ManualClock, tmp_path: Path) -> None:
    async with workers(clock, tmp_path, 2) as (one, other), connected(one) as peer:
        peer.send(start("CA1", await ring(other, "CA1")))
        await asyncio.sleep(1)
        for path in ("incoming?flow=echo", "dial-ended"):
            answer = await other.post(f"/voice/{path}", ("CallSid", "CA1"))
            assert answer.status == 403
            assert b"token" not in answer.body
        assert not peer.is_closed.is_set()


async def test_who_nobody_looks_after_any_more_is_ended(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as gone:
        await ring(gone, "CA1")
        gone.relay.registry.claim("CA1")  # and dies
        (left,) = gone.relay.registry.sids
        journal = gone.relay.registry.get(left)
        assert journal
        journal.journal.leave()
        gone.relay.registry._calls.clear()
        async with running(clock, tmp_path, []) as other:
            await asyncio.sleep(HELD_S + 2)
            assert not other.relay.registry.sids
    assert events(list(read(path_of(tmp_path, "CA1"))), "call_ended")[0]["reason"] == LEFT_ALONE


async def test_the_file_does_not_tell_what_was_said(clock: ManualClock, tmp_path: Path) -> None:
    state = State("echo", "1", "en", "hear", words="planted words", slots={"pin": "planted digits"})
    async with running(clock, tmp_path, []) as relay, connected(relay) as peer:
        peer.send(start("CA1", await ring(relay, "CA1")))
        await asyncio.sleep(1)
        call = relay.relay.registry.get("CA1")
        assert call
        call.state = state
        call.checkpoint(NOTHING)
        await asyncio.sleep(WRITE_EVERY_S)
        with closing(CallStore(tmp_path, clock, "")) as store:
            row = store.look("CA1")
        assert row
        assert row.saved.state
        assert State.from_json(row.saved.state) == state
        with closing(CallStore(tmp_path, clock, "another secret")) as store:
            assert store.look("CA1") is None
        files = [tmp_path / f"state.sqlite3{suffix}" for suffix in ("", "-wal", "-shm")]
        assert not any(b"planted" in file.read_bytes() for file in files)
        assert all(file.stat().st_mode & 0o077 == 0 for file in files)

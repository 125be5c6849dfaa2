"""Streams by a server's short way: what comes is taken where the sockets of all are read, so nothing of it may fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.call.conversation import Conversation
from app.call.journal import path_of, read
from app.clock import ManualClock
from app.short_way import SHORT_WAY
from app.simulator.asgi import Application, Message, Receive, Send
from tests.call.relay import RunningRelay, running
from tests.web.test_streams import MEDIA, Peer, connected, ring, start


class ShortWay:
    """Leads the streams of an application by it; `take` is where it leads to."""

    take: Callable[[str], None] | None = None

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope["extensions"][SHORT_WAY] = self
        await self._application(scope, receive, send)

    def hand_on(self, take: Callable[[str], None] | None) -> None:
        self.take = take

    def write(self, text: str) -> bool:
        return False


@asynccontextmanager
async def taking(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Peer, Callable[[str], None]]]:
    """A call that takes what comes, until it is over."""
    short = ShortWay(relay.relay.app)
    monkeypatch.setattr(relay.carriage, "_application", short)
    token = await ring(relay, "CA1")
    async with connected(relay) as peer:
        peer.send(start("CA1", token))
        await asyncio.sleep(1)
        take = short.take
        assert take
        yield peer, take
        await peer.is_closed.wait()
    assert short.take is None


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [("{", 1007, "JSON"), (json.dumps(MEDIA), 1011, "a defect: ZeroDivisionError")],
)
async def test_what_is_wrong_with_a_message_ends_its_own_call(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, code: int, told: str
) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Conversation, "hear", broken)
    async with running(clock, tmp_path, []) as relay, taking(relay, monkeypatch) as (peer, take):
        for _ in range(2):
            take(message)
    errors = [event["text"] for event in read(path_of(tmp_path, "CA1")) if event["event"] == "error"]
    assert (peer.close_code, len(errors)) == (code, 1)
    assert told in errors[0]


async def test_nothing_is_noted_of_a_call_that_was_ended_meanwhile(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(clock, tmp_path, []) as relay, taking(relay, monkeypatch) as (_, take):
        relay.relay.registry.end_all("server stopped")
        take("{")
    assert [event["event"] for event in read(path_of(tmp_path, "CA1"))][-1] == "call_ended"

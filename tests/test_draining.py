"""When a server that is told to stop may go: not before the last caller's carrier is through with the call."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.call.registry import ASKED_WITHIN_S, REPORTED_WITHIN_S
from app.clock import ManualClock
from app.server import RelayServer, uvicorn_config
from app.simulator.call import CallPlan
from app.simulator.carriage import Form, Listener, Response, Socket
from tests.call.relay import UNSIGNED, URL, RunningRelay, running
from tests.call.services import flows_in
from tests.simulator.calls import call_over
from tests.web.test_streams import connected, ring, start

AFTER_S = {"stream-ended": 2.5, "status": 0.5}
BYE = """\
flow: bye
format: 1
languages: [en]
start: end
nodes:
  end: {hangup: Bye.}
"""


def server_of(relay: RunningRelay) -> RelayServer:
    """The relay's server. It listens nowhere, and is looked after by hand."""
    config = uvicorn_config(relay.relay.app)
    config.load()
    admission, registry = relay.relay.admission, relay.relay.registry
    server = RelayServer(config, relay.clock, admission, registry, 270.0, stalled=lambda: None)
    server.lifespan = config.lifespan_class(config)
    server.started = True
    return server


class LeisurelyCarrier:
    """Takes a moment for what it asks and reports at a call's end; notes whether the server goes before that."""

    def __init__(self, relay: RunningRelay, server: RelayServer) -> None:
        self._carriage = relay.carriage
        self._server = server
        self.goes: list[str] = []
        self.told = b""

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        what = url.rpartition("/")[2]
        if what in AFTER_S:
            await asyncio.sleep(AFTER_S[what])
            await self._note(f"before {what}")
        answer = await self._carriage.request(method, url, form, headers)
        if what in AFTER_S:
            await self._note(f"after {what}")
            self.told += answer.body
        return answer

    async def _note(self, when: str) -> None:
        if await self._server.on_tick(1):
            self.goes.append(when)

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> Socket:
        self._server.handle_exit(signal.SIGTERM, None)
        return await self._carriage.connect(url, headers, listener)


async def test_it_stays_until_the_last_carrier_knows_and_has_reported_that_the_call_is_over(
    clock: ManualClock, tmp_path: Path
) -> None:
    settings = flows_in(tmp_path, BYE)
    async with running(clock, tmp_path, [], settings=settings) as relay:
        carrier = LeisurelyCarrier(relay, server_of(relay))
        plan = CallPlan(f"{URL}/voice/incoming?flow=bye", UNSIGNED, status_callback=f"{URL}/voice/status")
        placed = await call_over(carrier, clock, [], plan)
    assert placed.report.faults() == []
    assert placed.report.ended == "server_hung_up"
    assert b"<Hangup" in carrier.told
    assert carrier.goes == ["after status"]


@pytest.mark.parametrize(("asks", "stays_s"), [(False, ASKED_WITHIN_S), (True, REPORTED_WITHIN_S)])
async def test_it_does_not_wait_for_ever_for_a_carrier_that_does_not_ask_or_report(
    clock: ManualClock, tmp_path: Path, asks: bool, stays_s: float
) -> None:
    async with running(clock, tmp_path, []) as relay:
        server = server_of(relay)
        token = await ring(relay, "CA1")
        async with connected(relay) as peer:
            peer.send(start("CA1", token))
            await asyncio.sleep(1)
            server.handle_exit(signal.SIGTERM, None)
            peer.send({"event": "stop"})
            await peer.is_closed.wait()
        if asks:
            await relay.post("/voice/stream-ended", ("CallSid", "CA1"), ("CallStatus", "in-progress"))
        assert len(relay.relay.registry) == 0
        await asyncio.sleep(stays_s * 0.9)
        assert not await server.on_tick(1)
        await asyncio.sleep(stays_s * 0.2)
        assert await server.on_tick(1)

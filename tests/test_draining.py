"""When a server that is told to stop may go: not before the last caller's carrier knows what follows."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from app.call.registry import ASKED_WITHIN_S
from app.clock import ManualClock
from app.server import RelayServer, uvicorn_config
from app.simulator.call import CallPlan
from app.simulator.carriage import Form, Listener, Response, Socket
from tests.call.relay import UNSIGNED, URL, RunningRelay, running
from tests.call.services import flows_in
from tests.simulator.calls import call_over
from tests.web.test_streams import connected, ring, start

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
    """Takes a second to ask what follows on a stream; notes whether the server goes before that, and after."""

    def __init__(self, relay: RunningRelay, server: RelayServer) -> None:
        self._carriage = relay.carriage
        self._server = server
        self.goes: list[bool] = []
        self.told = b""

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        asks = url.endswith("/voice/stream-ended")
        if asks:
            await asyncio.sleep(1)
            self.goes.append(await self._server.on_tick(1))
        answer = await self._carriage.request(method, url, form, headers)
        if asks:
            self.told = answer.body
            self.goes.append(await self._server.on_tick(1))
        return answer

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> Socket:
        self._server.handle_exit(signal.SIGTERM, None)
        return await self._carriage.connect(url, headers, listener)


async def test_it_stays_until_the_last_carrier_knows_that_the_call_is_over(
    clock: ManualClock, tmp_path: Path
) -> None:
    settings = flows_in(tmp_path, BYE)
    async with running(clock, tmp_path, [], settings=settings) as relay:
        carrier = LeisurelyCarrier(relay, server_of(relay))
        plan = CallPlan(f"{URL}/voice/incoming?flow=bye", UNSIGNED)
        placed = await call_over(carrier, clock, [], plan)
    assert placed.report.faults() == []
    assert placed.report.ended == "server_hung_up"
    assert b"<Hangup" in carrier.told
    assert carrier.goes == [False, True]


async def test_it_does_not_wait_for_ever_for_a_carrier_that_does_not_ask(
    clock: ManualClock, tmp_path: Path
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
        assert len(relay.relay.registry) == 0
        assert not await server.on_tick(1)
        await asyncio.sleep(ASKED_WITHIN_S)
        assert await server.on_tick(1)

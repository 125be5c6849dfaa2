"""The carriage in memory, where calls do not get to."""

from __future__ import annotations

import asyncio

import pytest
from starlette.websockets import WebSocketDisconnect

from app.simulator.asgi import AsgiCarriage
from tests.simulator.servers import URL, Line, Server


class Deaf:
    """Implements `Listener`."""

    def message(self, data: str | bytes) -> None: ...

    def closed(self, code: int, reason: str) -> None: ...


async def test_a_socket_that_is_closed_does_not_hold_the_server_up() -> None:
    refused = asyncio.Event()

    async def agent(line: Line) -> None:
        async for _ in line.messages():
            """Until the caller is gone."""
        with pytest.raises(WebSocketDisconnect):
            await line.send_raw("too late")
        refused.set()

    async with AsgiCarriage(Server(agent).app) as carriage:
        socket = await carriage.connect(URL.replace("http", "ws"), {}, Deaf())
        socket.close()
        socket.stop_reading()
        await socket.wait_closed()
    assert refused.is_set()

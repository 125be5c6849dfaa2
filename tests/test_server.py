"""The server's way out, whatever state its sockets are in."""

from __future__ import annotations

import gc
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from app.call.admission import Admission
from app.clock import ManualClock
from app.ops.garbage import QUIET_EVERY_S
from app.server import RelayServer, claimed_port, uvicorn_config
from tests.cycles import old_cycle
from tests.providers.loopback import serving
from tests.upgrade import UPGRADE

pytestmark = pytest.mark.real_time

CLOSE = bytes([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])  # masked with zeros; 1000


async def until_goodbye(websocket: WebSocket) -> None:
    await websocket.accept()
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


def test_who_says_goodbye_and_lingers_does_not_break_the_stop(tmp_path: Path) -> None:
    """TLS ends with a message from either side; until the caller's comes, the socket is neither open nor gone."""
    authority, certificate = trustme.CA(), tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    app = Starlette(routes=[WebSocketRoute("/", until_goodbye)])
    with trust.wrap_socket(socket.socket(), server_hostname="127.0.0.1") as caller:
        with serving(app, certificate) as port:
            caller.connect(("127.0.0.1", port))
            caller.sendall(UPGRADE)
            assert b" 101 " in caller.recv(4096)
            caller.sendall(CLOSE)
            assert caller.recv(4)[:1] == b"\x88"  # it is answered; and nothing more is said


async def test_cycles_are_looked_for_while_it_serves(clock: ManualClock) -> None:
    before, config = gc.get_threshold(), uvicorn_config(Starlette())
    config.load()
    server = RelayServer(config, clock, Admission(), cast(Any, ()), 0.0, stalled=lambda: None)
    server.lifespan = config.lifespan_class(config)
    with claimed_port("127.0.0.1", 0) as listener:
        await server.startup([listener])
        try:
            cycle = old_cycle()
            assert cycle()
            clock.advance(QUIET_EVERY_S)
            await server.on_tick(1)
            assert cycle() is None
            assert gc.get_freeze_count() > 0
        finally:
            gc.unfreeze()
            gc.set_threshold(*before)
            await server.shutdown([listener])

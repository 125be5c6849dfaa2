"""Fakes of services on 127.0.0.1, in a thread of their own, and the faults they can have."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import uvicorn
from starlette.types import ASGIApp

from app.websocket import WebSocketProtocol

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and before which message of an answer (from 0).

    `refused`: the request, with an HTTP `status`. `dies`: the connection is closed with `code`. `stalls`: it stays
    open, and nothing comes any more. `malformed`: something comes that is no message.
    """

    kind: Literal["refused", "dies", "stalls", "malformed"]
    at: int = 0
    status: int = 500
    code: int = 1011


async def until(condition: Callable[[], object]) -> None:
    """Wait for what a thread or a socket brings about."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


MOMENT_S = 0.01
Delay = Literal["busy", "slow"]


async def taken(stream: AsyncIterator[T], delay: Delay, seconds: float) -> list[T]:
    """All that comes, taken late by so much each time.

    `slow`: by somebody who does something else before asking for the next. `busy`: the whole loop does something else
    right after it was asked for.
    """
    loop, found = asyncio.get_running_loop(), list[T]()
    busy_s, slow_s = (seconds, 0.0) if delay == "busy" else (0.0, seconds)
    disturbance = loop.call_later(MOMENT_S, time.sleep, busy_s)
    async for one in stream:
        found.append(one)
        disturbance.cancel()
        await asyncio.sleep(slow_s)
        disturbance = loop.call_later(MOMENT_S, time.sleep, busy_s)
    disturbance.cancel()
    return found


class Died(Exception):
    """Ends a connection without a goodbye."""


@contextmanager
def serving(app: ASGIApp, certificate: Path | None = None) -> Iterator[int]:
    """The port that `app` listens on; with TLS where a certificate, with its key in the same file, is given."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        ws=WebSocketProtocol,
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def announced(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = announced  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def no_such_name(name: str) -> Iterator[None]:
    """Nobody is asked for the name's address, and there is none."""
    resolved = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        if host in (name, name.encode()):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolved(host, *rest, **more)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = resolved

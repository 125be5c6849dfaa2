"""OpenAI, Azure OpenAI and Anthropic on 127.0.0.1, as far as their SDKs can tell, with any fault at any chunk.

A plain HTTP/1.1 server that keeps connections alive, so that a test decides byte by byte what goes over the wire.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.providers.fakes.model_chunks import DIALECTS

Kind = Literal[
    "die", "end", "stall", "bad json", "deep json", "no object", "bad utf-8", "long line", "error event"
]
# `die`: the connection is cut. `end`: the answer ends too early, politely. `stall`: nothing more comes.
MALFORMED: dict[str, bytes] = {
    "bad json": b'event: content_block_delta\ndata: {"choices": [{"del\n\n',
    "deep json": b"event: content_block_delta\ndata: " + b"[" * 100_000 + b"\n\n",
    "no object": b"event: content_block_delta\ndata: [1]\n\n",
    "bad utf-8": b'event: content_block_delta\ndata: {"type": "\xff\xfe"}\n\n',
    "long line": b'event: content_block_delta\ndata: {"type": "' + b"x" * 1_000_000 + b'"}\n\n',
    "error event": b'event: error\ndata: {"error": {"type": "overloaded_error", "message": "planted"}}\n\n',
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong in place of the chunk `at`, counted from 0."""

    kind: Kind
    at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answers; `status` other than 200 with `headers`, else `words` and then the `tool` asked for.

    The head comes at once, the first chunk after `first_s`, the others `gap_s` apart, all cut into pieces of
    `piece_bytes` where given. `tool` is its name and its arguments in JSON.
    """

    words: Sequence[str] = ("Hello", " there", ".")
    tool: tuple[str, str] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    first_s: float = 0.0
    gap_s: float = 0.0
    piece_bytes: int | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class FakeModelService:
    """Answers every request with `answer`, which a test may replace at any time, or with what `answers` makes of it.

    `connections` counts what was opened, `left_early` the answers that the client did not wait for, `answering`
    those under way; `asked_at` and `faulted_at` are the loop's times of the last request and of the last fault.
    """

    dialect: str
    answer: Answer = field(default_factory=Answer)
    answers: Callable[[dict[str, Any]], Answer] | None = None
    asked_at: float | None = None
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=20))
    connections: int = 0
    left_early: int = 0
    answering: int = 0
    faulted_at: float | None = None
    root: str = ""
    server: asyncio.Server | None = None
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """What the SDK is given; OpenAI's has its version in it."""
        return self.root + ("/v1" if self.dialect == "openai" else "")

    async def idle(self) -> None:
        """Wait, at most two seconds, until it answers nobody."""
        async with asyncio.timeout(2):
            await self._quiet.wait()

    async def deserted(self) -> None:
        """Wait, at most two seconds, until nobody is connected any more, and nothing of a connection is left."""
        async with asyncio.timeout(2):
            await asyncio.gather(*self._tasks)
        for _ in range(3):  # the loop lets go of closed sockets in its next rounds
            await asyncio.sleep(0)

    async def hang_up(self) -> None:
        """Be there no longer, for those who are connected neither."""
        if self.server:
            self.server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if task := asyncio.current_task():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            while True:
                request = await _request(reader)
                self.seen.append(request)
                self.asked_at = asyncio.get_running_loop().time()
                answer = self.answers(request.body) if self.answers else self.answer
                if request.body and answer.status == 200:
                    await self._stream(answer, request, reader, writer)
                else:
                    self.faulted_at = self.asked_at
                    await _plain(answer, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the service is over
        finally:
            writer.close()

    async def _stream(
        self, answer: Answer, request: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.answering += 1
        self._quiet.clear()
        try:
            await self._chunks(answer, request, reader, writer)
        except ConnectionError:
            self.left_early += 1
            raise
        finally:
            self.answering -= 1
            if not self.answering:
                self._quiet.set()

    async def _chunks(
        self, answer: Answer, request: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await _send(writer, _head(answer, "text/event-stream", "transfer-encoding: chunked"))
        for number, chunk in enumerate(DIALECTS[self.dialect](request.body, answer.words, answer.tool)):
            await _until_left(reader, answer.gap_s if number else answer.first_s)
            sent = chunk
            if answer.fault and answer.fault.at == number:
                self.faulted_at = asyncio.get_running_loop().time()
                if answer.fault.kind == "end":
                    break
                if answer.fault.kind == "stall":
                    await _until_left(reader, None)
                if answer.fault.kind == "die":
                    writer.transport.abort()
                    return
                sent = MALFORMED[answer.fault.kind]
            for start in range(0, len(sent), answer.piece_bytes or len(sent)):
                piece = sent[start : start + (answer.piece_bytes or len(sent))]
                await _send(writer, b"%x\r\n%b\r\n" % (len(piece), piece))
        await _send(writer, b"0\r\n\r\n")


async def _until_left(reader: asyncio.StreamReader, seconds: float | None) -> None:
    """Wait; raises ConnectionResetError when the client goes meanwhile."""
    if seconds == 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await reader.read(1)
    except TimeoutError:
        return
    raise ConnectionResetError


async def _request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(head[0].split(" ")[1], headers, json.loads(body or b"{}"))


async def _plain(answer: Answer, writer: asyncio.StreamWriter) -> None:
    body = b'{"object": "list", "data": [], "has_more": false}' if answer.status == 200 else b'{"error": {}}'
    await _send(writer, _head(answer, "application/json", f"content-length: {len(body)}") + body)


def _head(answer: Answer, content_type: str, framing: str) -> bytes:
    more = [f"{name}: {value}" for name, value in answer.headers.items()]
    lines = [f"HTTP/1.1 {answer.status} Said", f"content-type: {content_type}", framing, *more]
    return "\r\n".join([*lines, "", ""]).encode()


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


@asynccontextmanager
async def serving(
    dialect: str, answer: Answer | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[FakeModelService]:
    """A service on a free port of 127.0.0.1, with TLS where a context is given."""
    service, before = FakeModelService(dialect, answer or Answer()), asyncio.all_tasks()
    service.server = server = await asyncio.start_server(service.serve, "127.0.0.1", 0, ssl=tls)
    service.root = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        await service.hang_up()
        for _ in range(200):  # handshakes that a client gave up end a moment later
            if asyncio.all_tasks() <= before:
                break
            await asyncio.sleep(0.005)


@contextmanager
def serving_elsewhere(dialect: str, answer: Answer) -> Iterator[FakeModelService]:
    """A service in a thread of its own, which answers while the test's own loop is busy."""
    started, found = (
        threading.Event(),
        list[tuple[asyncio.AbstractEventLoop, asyncio.Event, FakeModelService]](),
    )

    async def serve() -> None:
        over = asyncio.Event()
        async with serving(dialect, answer) as service:
            found.append((asyncio.get_running_loop(), over, service))
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    loop, over, service = found[0]
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)

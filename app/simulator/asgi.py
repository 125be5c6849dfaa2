"""The carriage in memory: drives an ASGI application directly, without a socket, in virtual time too.

Source: ASGI 3.0, "HTTP & WebSocket ASGI message format" and "Lifespan protocol". The application sees a
client on 127.0.0.1. What it raises is not caught here: a server that breaks should fail the test loudly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from app.short_way import SHORT_WAY
from app.simulator.carriage import NOT_READ, NOT_READ_LIMIT_BYTES, ConnectFailed, Form, Listener, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class AsgiCarriage:
    """An application at any address. Used as a context manager it runs the application's lifespan."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._group = asyncio.TaskGroup()
        self._exits = AsyncExitStack()
        self._state: dict[str, Any] = {}

    async def __aenter__(self) -> AsgiCarriage:
        await self._exits.enter_async_context(self._group)
        lifespan = _Lifespan(self._application, self._state)
        self._group.create_task(lifespan.run())
        self._exits.push_async_callback(lifespan.stop)
        await lifespan.started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.__aexit__(kind, error, trace)

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        """One request, run to its end within the caller's own task."""
        headers = {"content-type": "application/x-www-form-urlencoded", **headers}
        exchange = _Exchange(urlencode(form).encode())
        scope = {**_scope("http", url, headers), "method": method, "state": self._state.copy()}
        await self._application(scope, exchange.receive, exchange.send)
        return exchange.response()

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> AsgiSocket:
        scope = {**_scope("websocket", url, headers), "subprotocols": [], "state": self._state.copy()}
        socket = AsgiSocket(listener)
        scope["extensions"] = {SHORT_WAY: socket}
        self._group.create_task(socket.run(self._application, scope))
        await socket.handshake()
        return socket


class AsgiSocket:
    """A WebSocket that ends in an application's `receive` and `send`."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._unread_bytes = 0
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = False
        self._reads = asyncio.Event()
        self._reads.set()
        self._left = asyncio.Event()

    async def run(self, application: Application, scope: Message) -> None:
        """The application's side of the connection, to its end."""
        try:
            await application(scope, self._receive, self._send)
        finally:
            self._refused(500)
            self._closed(1006, "the application returned")
            self._left.set()

    async def handshake(self) -> None:
        await self._opened

    def send(self, message: str | bytes) -> None:
        if not self._open:
            return
        self._unread_bytes += len(message)
        kind = "text" if isinstance(message, str) else "bytes"
        self._inbox.put_nowait({"type": "websocket.receive", kind: message})
        if self._unread_bytes > NOT_READ_LIMIT_BYTES:
            self._leave(1006, NOT_READ)

    def hand_on(self, take: Callable[[str], None] | None) -> None:
        """They are received all the same: what answers one must not come in the midst of it."""

    def write(self, text: str) -> bool:
        """Give the client a message if it reads; False: nothing was sent."""
        if not (self._open and self._reads.is_set()):
            return False
        self._listener.message(text)
        return True

    def stop_reading(self) -> None:
        if self._open:
            self._reads.clear()

    def close(self, code: int = 1000) -> None:
        self._leave(code, "")

    def abort(self) -> None:
        self._leave(1006, "")

    async def wait_closed(self) -> None:
        await self._left.wait()

    def _leave(self, code: int, reason: str) -> None:
        if self._open:
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
            self._closed(code, reason)
            self._reads.set()

    async def _receive(self) -> Message:
        message = await self._inbox.get()
        self._unread_bytes -= len(message.get("text") or message.get("bytes") or "")
        return message

    async def _send(self, message: Message) -> None:
        await self._reads.wait()
        match message["type"]:
            case "websocket.accept":
                self._open = True
                self._opened.set_result(None)
            case "websocket.send" | "websocket.close" if self._opened.done() and not self._open:
                raise OSError("the client is gone")
            case "websocket.send":
                text = message.get("text")
                self._listener.message(message["bytes"] if text is None else text)
            case "websocket.close":
                self._refused(403)
                self._inbox.put_nowait({"type": "websocket.disconnect", "code": message.get("code", 1000)})
                self._closed(message.get("code", 1000), message.get("reason") or "")
            case "websocket.http.response.start":
                self._refused(message["status"])

    def _refused(self, status: int) -> None:
        if not self._opened.done():
            text = f"the handshake was answered with HTTP {status}"
            self._opened.set_exception(ConnectFailed(text, status))

    def _closed(self, code: int, reason: str) -> None:
        if self._open:
            self._open = False
            self._listener.closed(code, reason)


class _Exchange:
    """One HTTP request and its response."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._start: Message = {}
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        body, self._body = self._body, b""
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._parts.append(message.get("body", b""))

    def response(self) -> Response:
        headers = {name.lower(): value for name, value in self._start.get("headers", [])}
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        return Response(self._start["status"], content_type, b"".join(self._parts))


class _Lifespan:
    """The application's startup and shutdown; one that knows of none is left alone."""

    def __init__(self, application: Application, state: dict[str, Any]) -> None:
        self._application = application
        self._scope: Message = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._over = False

    async def run(self) -> None:
        try:
            await self._application(self._scope, self._inbox.get, self._send)
        finally:
            self._over = True
            self._answered.set()

    async def started(self) -> None:
        await self._ask("lifespan.startup")

    async def stop(self) -> None:
        await self._ask("lifespan.shutdown")

    async def _ask(self, what: str) -> None:
        self._answered.clear()
        if not self._over:
            self._inbox.put_nowait({"type": what})
            await self._answered.wait()

    async def _send(self, message: Message) -> None:
        if message["type"].endswith(".failed"):
            raise ConnectFailed(f"{message['type']}: {message.get('message', '')}")
        self._answered.set()


def _scope(kind: str, url: str, headers: Mapping[str, str]) -> Message:
    parts = urlsplit(url)
    secure = parts.scheme in ("https", "wss")
    named = {"host": parts.netloc, **{name.lower(): value for name, value in headers.items()}}
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": (parts.path or "/").encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        "client": ("127.0.0.1", 50000),
        "server": (parts.hostname, parts.port or (443 if secure else 80)),
        "extensions": {"websocket.http.response": {}},
    }

"""The carriage over real sockets: httpx for webhooks, the sans-I/O half of websockets for streams.

A caller sends fifty messages a second and is sent up to as many: whole text frames of the usual size take a short way
past that half's parser, as they do in the server.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import cast
from urllib.parse import urlencode

import httpx
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode, apply_mask  # type: ignore[attr-defined]  # the compiled one
from websockets.http11 import Response as Handshake
from websockets.protocol import State
from websockets.uri import parse_uri

from app.frames import HEAD_END, LENGTH_MAX, MASK_BYTES, MASKED, WHOLE_TEXT, payload_span, text_head
from app.simulator.carriage import NOT_READ, NOT_READ_LIMIT_BYTES, ConnectFailed, Form, Listener, Response

WEBHOOK_TIMEOUT_S = 15.0
HANDSHAKE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0

# an enum's member takes as long to look up as all else that is asked of a frame
CONNECTING, OPEN = State.CONNECTING, State.OPEN


class NetworkCarriage:
    """Real requests and sockets. Proxies and other settings of the environment are not used."""

    def __init__(self) -> None:
        # Each webhook on a connection of its own: one that was kept may be that of a worker that has just died.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT_S, limits=limits, trust_env=False)

    async def __aenter__(self) -> NetworkCarriage:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        """A form request. The form goes out exactly as it was signed."""
        fields = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        try:
            response = await self._http.request(method, url, content=urlencode(form), headers=fields)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ConnectFailed(str(error) or type(error).__name__) from error
        return Response(response.status_code, response.headers.get("content-type", ""), response.content)

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> NetworkSocket:
        """Open a WebSocket without compression, as carriers do."""
        try:
            uri = parse_uri(url)
            tls = ssl.create_default_context() if uri.secure else None
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                loop = asyncio.get_running_loop()
                protocol = ClientProtocol(uri)
                _, socket = await loop.create_connection(
                    lambda: NetworkSocket(protocol, headers, listener), uri.host, uri.port, ssl=tls
                )
                await socket.handshake()
        except InvalidStatus as error:
            status = error.response.status_code
            raise ConnectFailed(f"the handshake was answered with HTTP {status}", status) from error
        except TimeoutError:
            raise ConnectFailed(f"the handshake took more than {HANDSHAKE_TIMEOUT_S:g} s") from None
        except (OSError, InvalidHandshake, InvalidURI) as error:
            raise ConnectFailed(str(error) or type(error).__name__) from error
        return socket


class NetworkSocket(asyncio.Protocol):
    """A WebSocket client on a transport of the event loop."""

    def __init__(self, protocol: ClientProtocol, headers: Mapping[str, str], listener: Listener) -> None:
        self._protocol = protocol
        self._headers = headers
        self._listener = listener
        self._parts: list[bytes] = []
        self._binary = False
        self._cut_off = ""
        self._begun = b""  # of a frame that has not come whole
        self._by_the_book = False
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()

    async def handshake(self) -> None:
        """Until the server has agreed. Raises websockets' InvalidHandshake."""
        with ExitStack() as unless_agreed:
            unless_agreed.callback(self._transport.abort)
            await self._opened
            unless_agreed.pop_all()

    def send(self, message: str | bytes) -> None:
        if self._protocol.state is not OPEN:
            return
        if isinstance(message, bytes):
            self._protocol.send_binary(message)
            self._flush()
        elif len(payload := message.encode()) > LENGTH_MAX:
            self._protocol.send_text(payload)
            self._flush()
        else:
            mask = os.urandom(MASK_BYTES)
            self._transport.write(text_head(len(payload), MASKED) + mask + apply_mask(payload, mask))
        if self._transport.get_write_buffer_size() > NOT_READ_LIMIT_BYTES:
            self._cut_off = NOT_READ
            self._transport.abort()

    def stop_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def close(self, code: int = 1000) -> None:
        if self._protocol.state is OPEN:
            self._protocol.send_close(code)
            self._flush()

    def abort(self) -> None:
        self._transport.abort()

    async def wait_closed(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.shield(self._gone)
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by descent
        request = self._protocol.connect()
        for name, value in self._headers.items():
            if name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._begun:
            data, self._begun = self._begun + data, b""
        if self._protocol.state is CONNECTING:
            # what comes with the handshake's end (looked for in one piece only) may leave the parser inside of a frame
            _, over, rest = data.partition(HEAD_END)
            self._by_the_book |= not over or rest != b""
        at, size = 0, len(data)
        while at < size and self._protocol.state is OPEN and not self._by_the_book:
            begin, end = payload_span(data, at)
            if end - begin > LENGTH_MAX:
                self._by_the_book = True  # it may be refused by its head alone
            elif end > size:
                self._begun = data[at:]
                return
            elif data[at] == WHOLE_TEXT and data[at + 1] < MASKED and self._protocol.current_size is None:
                self._listener.message(data[begin:end].decode("utf-8", "replace"))
                at = end
            else:
                self._receive(data[at:end])
                at = end
        if at < size:
            self._receive(data[at:])

    def _receive(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._flush()
        for event in self._protocol.events_received():
            self._event(event)
        if not self._opened.done() and self._protocol.handshake_exc is not None:
            self._opened.set_exception(self._protocol.handshake_exc)

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._protocol.receive_eof()
        if not self._opened.done():
            self._opened.set_exception(
                self._protocol.handshake_exc or OSError("the server closed the connection in the handshake")
            )
        elif not self._opened.cancelled() and self._opened.exception() is None:
            reason = self._protocol.close_reason or self._cut_off
            self._listener.closed(self._protocol.close_code or 1006, reason)
        self._gone.set_result(None)

    def _event(self, event: object) -> None:
        if isinstance(event, Handshake):
            if self._protocol.handshake_exc is None:
                self._opened.set_result(None)
        elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._frame(event)

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._parts, self._binary = [], frame.opcode is Opcode.BINARY
        self._parts.append(bytes(frame.data))
        if frame.fin:
            data = b"".join(self._parts)
            self._listener.message(data if self._binary else data.decode("utf-8", "replace"))

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif not self._transport.is_closing():
                self._transport.close()

"""uvicorn's WebSocket, with a short way for what calls are made of: small text frames that come whole.

A caller sends fifty messages a second. The parser that is right for every frame costs more than all else that is done
for one of them, and so does stopping and starting the socket round each. Therefore a whole text frame of the usual
size is unmasked and handed on at once, and the socket is read for as long as few messages wait. Every other frame goes
to websockets' parser, one whole frame at a time, so that it never waits inside of one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # the compiled one, where there is one
from websockets.http11 import Request
from websockets.protocol import State

from app.frames import (
    HEAD_END,
    LENGTH_IN_EIGHT_BYTES,
    LENGTH_MAX,
    MASK_BYTES,
    MASKED,
    WHOLE_TEXT,
    payload_span,
    text_head,
)
from app.short_way import SHORT_WAY

SWITCHING_PROTOCOLS = 101
# two seconds of a call's audio
WAITING_MESSAGES = 100

# an enum's member takes as long to look up as all else that is asked of a frame
CONNECTING, OPEN = State.CONNECTING, State.OPEN


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's; but where both sides have said goodbye, a server that stops does not say it again.

    There uvicorn raises InvalidState, and ends without having let go of anything.
    """

    _begun = b""  # of a frame that has not come whole
    _by_the_book = False
    _take: Callable[[str], None] | None = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == SWITCHING_PROTOCOLS:
            # the scope is ours: a cycle would keep each call in memory until it is looked for
            self.scope["extensions"][SHORT_WAY] = weakref.proxy(self)

    def hand_on(self, take: Callable[[str], None] | None) -> None:
        """Call `take`, which must not fail, with each usual message instead of letting it be received; or do not."""
        self._take = take

    def write(self, text: str) -> bool:
        """Send a message if it need not wait; False when it has to be sent as any other."""
        payload = text.encode()
        usual = self.conn.state is OPEN and not self.disconnected and self.writable.is_set()
        if usual and len(payload) <= LENGTH_MAX:
            self.transport.write(text_head(len(payload)) + payload)
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # where it left off, and where it failed, are frames that hold it: only a full collection would find that
        self.conn.parser.close()
        for error in (self.conn.parser_exc, self.conn.handshake_exc):
            _forget_frames(error)

    def data_received(self, data: bytes) -> None:
        if self._begun:
            data, self._begun = self._begun + data, b""
        if self.conn.state is CONNECTING:
            # who says more than the request before it is answered may leave the parser inside of a frame
            _, over, rest = data.partition(HEAD_END)
            self._by_the_book |= self.handshake_initiated or not over or rest != b""
        at, size = 0, len(data)
        while at < size and self.conn.state is OPEN and not self._by_the_book:
            begin, end = payload_span(data, at)
            if end > size:
                if end - begin <= self.config.ws_max_size:
                    self._begun = data[at:]
                    return
                self._by_the_book = True  # it is refused by its head alone
                break
            if not self._text_received(data, at, begin, end):
                super().data_received(data[at:end])
            at = end
        if at < size:
            super().data_received(data[at:])

    def _text_received(self, data: bytes, at: int, begin: int, end: int) -> bool:
        """Hand on the frame in `data[at:end]`; False when that is not for us."""
        length = data[at + 1]
        usual = (
            length >= MASKED
            and length != MASKED + LENGTH_IN_EIGHT_BYTES
            and end - begin <= self.config.ws_max_size
        )
        if data[at] != WHOLE_TEXT or not usual or self.conn.current_size is not None:
            return False
        try:
            text = apply_mask(data[begin:end], data[begin - MASK_BYTES : begin]).decode()
        except UnicodeDecodeError:
            return False
        if self._take and self.queue.empty():
            self._take(text)
        else:
            self._let_wait(text)
        return True

    def _let_wait(self, text: str) -> None:
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if not self.read_paused and self.queue.qsize() >= WAITING_MESSAGES:
            self.read_paused = True
            self.transport.pause_reading()

    async def send(self, message: ASGISendEvent) -> None:
        text = message.get("text") if message["type"] == "websocket.send" else None
        if not isinstance(text, str) or not self.write(text):
            await super().send(message)

    def shutdown(self) -> None:
        if self.transport.is_closing():
            self.stop_keepalive()
            self.transport.abort()
        else:
            super().shutdown()


def _forget_frames(error: BaseException | None) -> None:
    """Of an error, and of those that led to it."""
    while error:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__

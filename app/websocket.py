"""uvicorn's WebSocket, with a short way for what calls are made of: small text frames that come whole.

A call is fifty messages a second in either direction. The parser that is right for every frame costs more than all
else that is done for one of them, and so does stopping and starting the socket round each. Therefore a whole text
frame of the usual size is unmasked and handed on at once, and the socket is read for as long as few messages wait.
Every other frame goes to websockets' parser, one whole frame at a time, so that it never waits inside of one.
"""

from __future__ import annotations

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # the compiled one, where there is one
from websockets.protocol import State

# RFC 6455 §5.2
WHOLE_TEXT = 0x81
MASKED = 0x80
MASK_BYTES = 4
LENGTH_IN_TWO_BYTES = 126
LENGTH_IN_EIGHT_BYTES = 127
LENGTH_MAX = 0xFFFF
# two seconds of a call's audio
WAITING_MESSAGES = 100


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's; but where both sides have said goodbye, a server that stops does not say it again.

    There uvicorn raises InvalidState, and ends without having let go of anything.
    """

    _begun = b""  # of a frame that has not come whole
    _by_the_book = False

    def data_received(self, data: bytes) -> None:
        data, self._begun, at = self._begun + data, b"", 0
        while at < len(data) and self._knows_where_frames_begin(data):
            end = _end_of_frame(data, at)
            if end > len(data):
                if end - at <= self.config.ws_max_size:
                    self._begun = data[at:]
                    return
                self._by_the_book = True  # it is refused by its head alone
                break
            if not self._text_received(data, at, end):
                super().data_received(data[at:end])
            at = end
        if at < len(data):
            super().data_received(data[at:])

    def _knows_where_frames_begin(self, data: bytes) -> bool:
        if self.conn.state is State.CONNECTING:
            # who says more than the request before it is answered may leave the parser inside of a frame
            self._by_the_book = self.handshake_initiated or not data.endswith(b"\r\n\r\n")
        return self.conn.state is State.OPEN and not self._by_the_book

    def _text_received(self, data: bytes, at: int, end: int) -> bool:
        """Hand on the frame in `data[at:end]`; False when that is not for us."""
        length = data[at + 1]
        usual = (
            length >= MASKED
            and length != MASKED + LENGTH_IN_EIGHT_BYTES
            and end - at <= self.config.ws_max_size
        )
        if data[at] != WHOLE_TEXT or not usual or self.conn.current_size is not None:
            return False
        mask_at = at + (4 if length == MASKED + LENGTH_IN_TWO_BYTES else 2)
        payload_at = mask_at + MASK_BYTES
        try:
            text = apply_mask(data[payload_at:end], data[mask_at:payload_at]).decode()
        except UnicodeDecodeError:
            return False
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if not self.read_paused and self.queue.qsize() >= WAITING_MESSAGES:
            self.read_paused = True
            self.transport.pause_reading()
        return True

    async def send(self, message: ASGISendEvent) -> None:
        usual = self.conn.state is State.OPEN and not self.disconnected and self.writable.is_set()
        payload = str(message.get("text") or "").encode()
        if usual and message["type"] == "websocket.send" and 0 < len(payload) <= LENGTH_MAX:
            self.transport.write(_text_head(len(payload)) + payload)
        else:
            await super().send(message)

    def shutdown(self) -> None:
        if self.transport.is_closing():
            self.stop_keepalive()
            self.transport.abort()
        else:
            super().shutdown()


def _end_of_frame(data: bytes, at: int) -> int:
    """Where the frame that begins at `at` ends; after the end of `data` when it has not come whole."""
    head = at + 2
    if head > len(data):
        return head
    length, masked = data[at + 1] & ~MASKED, MASK_BYTES * (data[at + 1] >= MASKED)
    if length < LENGTH_IN_TWO_BYTES:
        return head + masked + length
    head += 2 if length == LENGTH_IN_TWO_BYTES else 8
    return head + masked + int.from_bytes(data[at + 2 : head])


def _text_head(length: int) -> bytes:
    if length < LENGTH_IN_TWO_BYTES:
        return bytes((WHOLE_TEXT, length))
    return bytes((WHOLE_TEXT, LENGTH_IN_TWO_BYTES, *length.to_bytes(2)))

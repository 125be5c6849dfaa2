"""The short way for usual frames tells and says what uvicorn's own way does, however the bytes come."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from app.websocket import WAITING_MESSAGES, WebSocketProtocol

UPGRADE = "\r\n".join([
    "GET / HTTP/1.1",
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
    "Sec-WebSocket-Version: 13",
    "",
    "",
]).encode()  # fmt: skip
MESSAGE_BYTES_MAX = 1024


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.reading = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Echo:
    """An application that says every message again; and what it was told."""

    def __init__(self) -> None:
        self.told: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            self.told.append(message)
            await send({**message, "type": "websocket.send"})
        self.told.append(message)


Opened = tuple[WebSocketsSansIOProtocol, Wire, Echo]


async def opened(kind: Callable[..., WebSocketsSansIOProtocol], *first: bytes) -> Opened:
    app, wire = Echo(), Wire()
    config = uvicorn.Config(
        app, ws_max_size=MESSAGE_BYTES_MAX, ws_per_message_deflate=False, log_config=None, lifespan="off"
    )
    config.load()
    protocol = kind(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(wire)
    for data in first or (UPGRADE,):
        protocol.data_received(data)
    await done()
    return protocol, wire, app


async def done() -> None:
    """Until the application waits again."""
    for _ in range(10):
        await asyncio.sleep(0)


async def heard(
    kind: Callable[..., WebSocketsSansIOProtocol], pieces: Iterable[bytes], *first: bytes
) -> tuple[list[Message], bytes, bool]:
    """What the application was told, what went out, and whether the server hung up."""
    protocol, wire, app = await opened(kind, *first)
    said = len(wire.written.partition(b"\r\n\r\n")[0])
    for piece in pieces:
        if not wire.closed:
            protocol.data_received(piece)
            await done()
    found = list(app.told), wire.written[said:], wire.closed
    protocol.connection_lost(None)
    await done()
    return found


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True, rsv1: bool = False) -> bytes:
    return Frame(opcode, data, fin, rsv1).serialize(mask=mask)


texts = st.text(max_size=80).map(str.encode)
usual = st.builds(frame, st.just(Opcode.TEXT), texts | texts.map(lambda text: text * 5))
frames = st.one_of(
    usual,
    usual,
    usual,
    st.builds(frame, st.sampled_from([Opcode.TEXT, Opcode.BINARY]), st.binary(max_size=200)),
    st.builds(frame, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)),
    st.builds(frame, st.sampled_from(Opcode), st.binary(max_size=130), fin=st.booleans(), mask=st.booleans()),
    st.builds(frame, st.just(Opcode.TEXT), texts, rsv1=st.just(True)),
    st.builds(frame, st.just(Opcode.TEXT), st.just(b"x" * (MESSAGE_BYTES_MAX + 1))),
    st.just(frame(Opcode.CLOSE, b"\x03\xe8")),
    st.builds(lambda text: b"\x81\xff" + len(text).to_bytes(8) + bytes(4) + text, texts),
)


def same(pieces: list[bytes], *first: bytes) -> Any:
    async def both() -> tuple[Any, Any]:
        return await heard(WebSocketProtocol, pieces, *first), await heard(
            WebSocketsSansIOProtocol, pieces, *first
        )

    ours, theirs = asyncio.run(both())
    assert ours == theirs
    return ours


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 2000), max_size=6))
def test_it_hears_and_says_the_same_however_frames_are_cut(coming: list[bytes], cuts: list[int]) -> None:
    data = b"".join(coming)
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    same([data[begin:end] for begin, end in pairwise(at)])


@given(st.integers(0, 40))
def test_frames_that_come_with_the_request_are_not_lost(cut: int) -> None:
    early = UPGRADE + frame(Opcode.TEXT, b"hello") * 3
    whole = len(UPGRADE) + cut
    told, _, _ = same([early[whole:]], early[:whole])
    assert [message["text"] for message in told] == ["hello"] * 3


def test_a_frame_that_says_it_is_too_large_is_refused_before_it_has_come() -> None:
    head = b"\x81\xff" + (2**40).to_bytes(8) + bytes(4)
    told, said, closed = same([head])
    assert (told[-1]["code"], closed) == (1009, True)
    assert said


async def test_reading_stops_while_many_messages_wait() -> None:
    protocol, wire, app = await opened(WebSocketProtocol)
    wire.reading = True
    protocol.data_received(frame(Opcode.TEXT, b"x") * (WAITING_MESSAGES - 1))
    assert wire.reading
    await done()
    protocol.data_received(frame(Opcode.TEXT, b"x") * WAITING_MESSAGES)
    paused = not wire.reading
    for _ in range(2 * WAITING_MESSAGES):
        await asyncio.sleep(0)
    assert paused
    assert wire.reading
    assert len(app.told) == 2 * WAITING_MESSAGES - 1
    protocol.connection_lost(None)
    await done()

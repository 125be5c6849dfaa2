"""The short way for usual frames tells and says what uvicorn's own way does, however the bytes come."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import pairwise

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from app.short_way import SHORT_WAY
from app.websocket import WAITING_MESSAGES, WebSocketProtocol
from tests.frames import TEXTS
from tests.frames import frame as any_frame
from tests.frames import frames as frames_of
from tests.upgrade import UPGRADE

MESSAGE_BYTES_MAX = 1024
TOO_LARGE = b"\x81\xff" + (2**40).to_bytes(8) + bytes(4)  # its head alone


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = self.reading = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

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
            with suppress(RuntimeError, OSError):  # there was a goodbye meanwhile
                await send({**message, "type": "websocket.send"})
        self.told.append(message)


class ShortEcho(Echo):
    """The same by the short way, where there is one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        short: WebSocketProtocol = scope["extensions"][SHORT_WAY]

        def take(text: str) -> None:
            self.told.append({"type": "websocket.receive", "text": text})
            assert short.write(text)

        short.hand_on(take)
        await super().__call__(scope, receive, send)


Kind = Callable[..., WebSocketsSansIOProtocol]
Heard = tuple[list[Message], list[bytes], bool]


async def opened(
    kind: Kind, first: bytes = UPGRADE, app: Echo | None = None
) -> tuple[WebSocketsSansIOProtocol, Wire, Echo]:
    app, wire = app or Echo(), Wire()
    config = uvicorn.Config(
        app, ws_max_size=MESSAGE_BYTES_MAX, ws_per_message_deflate=False, log_config=None, lifespan="off"
    )
    config.load()
    protocol = kind(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(wire)
    protocol.data_received(first)
    await done()
    return protocol, wire, app


async def done() -> None:
    """Until the application waits again."""
    for _ in range(10):
        await asyncio.sleep(0)


async def heard(kind: Kind, pieces: Iterable[bytes], first: bytes, app: Echo) -> Heard:
    """What the application was told, what went out, and whether the server hung up.

    A pong does not wait for what the application answers, so the order of what went out says nothing.
    """
    protocol, wire, app = await opened(kind, first, app)
    for piece in pieces:
        if not wire.closed:
            protocol.data_received(piece)
            await done()
    found = list(app.told), sorted(wire.written), wire.closed
    protocol.connection_lost(None)
    await done()
    return found


frame = partial(any_frame, mask=True)
frames = frames_of(
    True,
    st.builds(frame, st.just(Opcode.TEXT), st.just(b"x" * (MESSAGE_BYTES_MAX + 1))),
    st.builds(lambda text: b"\x81\xff" + len(text).to_bytes(8) + bytes(4) + text, TEXTS),
)


def same(
    cut: list[bytes], whole: list[bytes], first: bytes = UPGRADE, kind: type[Echo] = Echo
) -> list[Message]:
    """What ours hears of `cut` pieces, which is what uvicorn's hears of `whole` frames.

    Where the stream is refused, uvicorn's would drop what came with the bad frame: so it gets them one at a time.
    """

    async def both() -> tuple[Heard, Heard]:
        ours = await heard(WebSocketProtocol, cut, first, kind())
        return ours, await heard(WebSocketsSansIOProtocol, whole, first, Echo())

    (told, said, closed), theirs = asyncio.run(both())
    assert (told, closed) == (theirs[0], theirs[2])
    # what is still to be said when the stream is refused is nobody's, but for the refusal
    assert refusals(said) == refusals(theirs[1]) if closed else said == theirs[1]
    return told


def refusals(said: list[bytes]) -> list[bytes]:
    """The frames that close the stream, each with its code and reason."""
    return [one for one in said if one[:1] == b"\x88"]


@pytest.mark.parametrize("kind", [Echo, ShortEcho])
@given(coming=st.lists(frames, max_size=6), cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_it_hears_and_says_the_same_however_frames_are_cut(
    kind: type[Echo], coming: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(coming)
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    same([data[begin:end] for begin, end in pairwise(at)], coming, kind=kind)


@given(st.integers(0, 40))
def test_frames_that_come_with_the_request_are_not_lost(cut: int) -> None:
    early = UPGRADE + frame(Opcode.TEXT, b"hello") * 3
    whole = len(UPGRADE) + cut
    told = same([early[whole:]], [early[whole:]], early[:whole])
    assert [message["text"] for message in told] == ["hello"] * 3


@pytest.mark.parametrize("head", [0, 2])
def test_a_frame_that_breaks_off_like_a_request_behind_the_request_is_not_lost(head: int) -> None:
    """`head` bytes of the request's end come with the beginning of the frame."""
    early = b"\x81\x88" + bytes(4) + b"ab\r\n\r\ncd"
    data = UPGRADE + early
    at = len(data) - 2
    first = data[: len(UPGRADE) - head]
    told = same([data[len(first) : at], data[at:]], [data[len(first) :]], first)
    assert [message["text"] for message in told] == ["ab\r\n\r\ncd"]


def test_a_frame_that_says_it_is_too_large_is_refused_before_it_has_come() -> None:
    assert same([TOO_LARGE], [TOO_LARGE])[-1]["code"] == 1009


@pytest.mark.parametrize("length", range(MESSAGE_BYTES_MAX - 8, MESSAGE_BYTES_MAX + 1, 4))
async def test_who_sends_as_much_as_they_may_stays_on_the_short_way(length: int) -> None:
    protocol, _, app = await opened(WebSocketProtocol, app=ShortEcho())
    large = frame(Opcode.TEXT, b"x" * length)
    for piece in (large[:500], large[500:], frame(Opcode.TEXT, b"y")):
        protocol.data_received(piece)
    assert [len(message["text"]) for message in app.told] == [length, 1]
    protocol.connection_lost(None)
    await done()


async def test_by_the_short_way_nothing_overtakes_what_waits() -> None:
    protocol, _, app = await opened(WebSocketProtocol, app=ShortEcho())
    protocol.data_received(frame(Opcode.TEXT, b"1") + frame(Opcode.BINARY, b"2") + frame(Opcode.TEXT, b"3"))
    assert [message.get("text") for message in app.told] == ["1"]
    await done()
    protocol.data_received(frame(Opcode.TEXT, b"4"))
    assert [message.get("text") or message["bytes"] for message in app.told] == ["1", b"2", "3", "4"]
    protocol.connection_lost(None)
    await done()


async def test_by_the_short_way_nothing_is_written_to_who_does_not_read_or_has_gone() -> None:
    protocol, wire, _ = await opened(WebSocketProtocol)
    assert isinstance(protocol, WebSocketProtocol)
    assert protocol.write("1")
    protocol.pause_writing()
    assert not protocol.write("2")
    protocol.resume_writing()
    assert protocol.write("3")
    protocol.connection_lost(None)
    assert not protocol.write("4")
    assert wire.written[1:] == [Frame(Opcode.TEXT, text).serialize(mask=False) for text in (b"1", b"3")]
    await done()


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


@pytest.mark.parametrize(
    "last",
    [b"", frame(Opcode.TEXT, b"hello")[:3], frame(Opcode.CLOSE, b""), TOO_LARGE],
    ids=["nothing", "half a frame", "goodbye", "too large"],
)
async def test_a_stream_that_is_over_needs_no_collection(last: bytes) -> None:
    await leaves_nothing(UPGRADE, last)


@pytest.mark.parametrize(
    "first",
    [
        b"hello\r\n\r\n",
        UPGRADE.replace(b"Sec-WebSocket-Key", b"Another-Key"),
        UPGRADE.replace(b"Version: 13", b"Version: 12"),
        UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: another"),
        UPGRADE[:40],
    ],
    ids=["no request", "no key", "another version", "another protocol", "half a request"],
)
async def test_nor_does_one_that_never_was(first: bytes) -> None:
    await leaves_nothing(first, b"")


async def leaves_nothing(first: bytes, last: bytes) -> None:
    """Nobody looks for cycles while it is over."""
    protocol, _, _ = await opened(WebSocketProtocol, first)
    protocol.data_received(last)
    await done()
    gc.collect()
    gc.disable()
    try:
        protocol.connection_lost(None)
        await done()
        left: list[weakref.ref[object]] = [weakref.ref(protocol), weakref.ref(protocol.conn)]
        del protocol
        assert [one() for one in left] == [None, None]
    finally:
        gc.enable()

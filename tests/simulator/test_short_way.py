"""The caller's short way for usual frames hears what websockets' own parser does, however the bytes come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from app.simulator.network import NetworkSocket
from tests.frames import TEXTS, frame, frames
from tests.test_websocket import Wire

URI = parse_uri("ws://127.0.0.1:8000/stream")


class Keeper:
    """What was heard, and how it ended."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def message(self, data: str | bytes) -> None:
        self.heard.append(data)

    def closed(self, code: int, reason: str) -> None:
        self.heard.append(code)


class _BookSocket(NetworkSocket):
    """Every byte goes to the parser."""

    def data_received(self, data: bytes) -> None:
        self._by_the_book = True
        super().data_received(data)


class _Wire(Wire):
    def get_write_buffer_size(self) -> int:
        return 0


def agreed(wire: _Wire) -> bytes:
    """The server's answer to the handshake in what was written."""
    server = ServerProtocol()
    server.receive_data(b"".join(wire.written))
    (request,) = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    return b"".join(server.data_to_send())


async def heard(kind: type[NetworkSocket], sent: bytes, cuts: Sequence[int]) -> list[object]:
    """What is heard of `sent`, behind the handshake and cut into pieces; a cut below 0 is in the handshake."""
    keeper, wire = Keeper(), _Wire()
    socket = kind(ClientProtocol(URI), {}, keeper)
    socket.connection_made(wire)
    handshake = agreed(wire)
    whole = handshake + sent
    for begin, end in pairwise([0, *(len(handshake) + cut for cut in sorted(cuts)), len(whole)]):
        if begin < end:
            socket.data_received(whole[begin:end])
    await socket.handshake()
    socket.connection_lost(None)
    return keeper.heard


LONG = TEXTS.map(lambda text: frame(Opcode.TEXT, (text or b"x") * 1000, mask=False))
BEYOND_ALL_BOUNDS = b"\x81\x7f" + (2**40).to_bytes(8)


# the handshake comes alone, with what follows it, in two, or its end with what follows
HANDSHAKES = st.just([0]) | st.sampled_from([[], [-40, 0], [-40]])


@given(st.lists(frames(False, LONG, st.just(BEYOND_ALL_BOUNDS)), max_size=8), st.data(), HANDSHAKES)
def test_hears_what_the_parser_does(sent: list[bytes], data: st.DataObject, handshake: list[int]) -> None:
    whole = b"".join(sent)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6))

    async def both() -> tuple[list[object], list[object]]:
        ours = await heard(NetworkSocket, whole, [*handshake, *cuts])
        return ours, await heard(_BookSocket, whole, [0])

    ours, book = asyncio.run(both())
    assert ours == book


def test_a_frame_that_begins_with_the_last_of_the_handshake_is_not_lost() -> None:
    sent = frame(Opcode.TEXT, b"a\r\n\r\nb", mask=False)
    assert asyncio.run(heard(NetworkSocket, sent, [-2, len(sent) - 1])) == ["a\r\n\r\nb", 1006]


def test_a_message_goes_out_as_the_parser_would_send_it() -> None:
    async def sent(text: str) -> list[object]:
        wire = _Wire()
        socket = NetworkSocket(ClientProtocol(URI), {}, Keeper())
        socket.connection_made(wire)
        socket.data_received(agreed(wire))
        await socket.handshake()
        request = wire.written.copy()
        socket.send(text)
        server = ServerProtocol(max_size=None)
        server.receive_data(b"".join(request))
        server.send_response(server.accept(server.events_received()[0]))  # type: ignore[arg-type]
        server.receive_data(b"".join(wire.written[len(request) :]))
        found = [(one.opcode, bytes(one.data)) for one in server.events_received() if isinstance(one, Frame)]
        socket.connection_lost(None)
        return list(found)

    for text in ("", "é" * 60, "x" * 125, "x" * 126, "x" * 65535, "x" * 65536):
        assert asyncio.run(sent(text)) == [(Opcode.TEXT, text.encode())]

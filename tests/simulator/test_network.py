"""The same calls over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from app.clock import SystemClock
from app.simulator import network
from app.simulator.call import CallPlan
from app.simulator.caller import Patience
from app.simulator.carriage import ConnectFailed
from app.simulator.faults import Faults
from app.simulator.network import NetworkCarriage, NetworkSocket
from app.simulator.steps import Say
from app.simulator.webhook import Route, Signer, sign
from tests.simulator.calls import Placed, call_over
from tests.simulator.servers import CONNECT, END, END_OF_TURN_MS, Line, Server, polite

pytestmark = pytest.mark.real_time
QUICK = Patience(pause_ms=200, greeting_s=2, answer_s=2)
GOOD_NETWORK = Faults()


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[str]:
    """The server on a port of this machine; its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(server.app, log_level="critical", lifespan="off", ws="websockets-sansio")
        running = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(running.serve([listener]))
            try:
                yield address
            finally:
                running.should_exit = True


async def call(server: Server, *steps: Say, faults: Faults = GOOD_NETWORK) -> Placed:
    async with listening(server) as address, NetworkCarriage() as carriage:
        signer = Signer(Route(address), "secret", sign_sockets=True)
        plan = CallPlan(f"{address}/voice", signer, patience=QUICK, faults=faults)
        return await call_over(carriage, SystemClock(), steps, plan)


async def test_a_call_over_real_sockets() -> None:
    server = Server(polite(greeting_ms=200, answer_ms=200, thinks_s=0.05))
    report = (await call(server, Say("hello"), Say("bye"))).report
    assert report.faults() == []
    for turn in report.turns:
        assert turn.any_audio_ms == pytest.approx(END_OF_TURN_MS + 50 + 20, abs=60)
    (line,) = server.lines
    assert line.received[-1]["event"] == "stop"
    assert [int(m["sequenceNumber"]) for m in line.received[1:]] == list(range(1, len(line.received)))


async def test_requests_and_handshake_are_signed() -> None:
    server = Server(polite(greeting_ms=100))
    await call(server)
    (path, form, headers), *_ = server.requests
    address = f"http://{headers['host']}"
    assert headers["x-twilio-signature"] == sign("secret", address + path, form.items())
    assert form["CallerName"] == ""
    (handshake,) = server.handshakes
    stream = f"ws://{headers['host']}/stream"
    assert handshake["x-twilio-signature"] == sign("secret", stream)
    assert "sec-websocket-extensions" not in handshake


async def test_a_server_behind_a_public_address_is_reached_where_it_listens() -> None:
    connect = CONNECT.replace('url="/stream"', 'url="wss://voice.example.com/stream"')
    server = Server(polite(greeting_ms=100), {"/voice": [connect], "/after": [END]})
    async with listening(server) as address, NetworkCarriage() as carriage:
        signer = Signer(Route(address, "https://voice.example.com"), "secret", sign_sockets=True)
        placed = await call_over(
            carriage, SystemClock(), (), CallPlan(f"{address}/voice", signer, patience=QUICK)
        )
    assert placed.report.faults() == []
    (handshake,) = server.handshakes
    assert handshake["host"] == "voice.example.com"
    assert handshake["x-twilio-signature"] == sign("secret", "wss://voice.example.com/stream")


async def test_the_pace_is_wall_time() -> None:
    times: list[float] = []

    async def agent(line: Line) -> None:
        async for message in line.messages():
            if message["event"] == "media":
                times.append(asyncio.get_running_loop().time())
            if len(times) == 100:
                break
        await line.close()

    await call(Server(agent))
    assert times[-1] - times[0] == pytest.approx(99 * 0.02, abs=0.03)


async def test_a_server_that_hangs_up() -> None:
    report = (await call(Server(lambda line: line.close(1000)))).report
    assert report.ended == "server_hung_up"
    assert report.protocol_errors == []


async def test_a_server_that_fails() -> None:
    report = (await call(Server(lambda line: line.close(1011)))).report
    assert report.protocol_errors == ["31921 the stream was closed with 1011"]


async def test_a_lost_network() -> None:
    server = Server(polite())
    report = (await call(server, faults=Faults(lose_at_ms=300))).report
    assert report.ended == "server_hung_up"
    assert server.lines[0].of("stop") == []


async def test_a_refused_handshake() -> None:
    server = Server(polite())
    server.refuse_streams = True
    report = (await call(server)).report
    assert len(report.protocol_errors) == 1
    assert report.protocol_errors[0].endswith("the handshake was answered with HTTP 403")


async def test_nobody_listens() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with NetworkCarriage() as carriage:
            plan = CallPlan(f"{address}/voice", Signer(Route(address)))
            placed = await call_over(carriage, SystemClock(), [], plan)
            assert (placed.report.cannot_run or "").startswith(f"nobody answers at {address}/voice")
            with pytest.raises(ConnectFailed):
                await carriage.connect(address.replace("http", "ws"), {}, _Nobody())


class _Nobody:
    def message(self, data: str | bytes) -> None:
        raise AssertionError(data)

    def closed(self, code: int, reason: str) -> None:
        raise AssertionError(code)


async def test_something_else_listens() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with NetworkCarriage() as carriage:
            with pytest.raises(ConnectFailed):
                await carriage.connect(f"ws://127.0.0.1:{port}/", {}, _Nobody())


async def test_nobody_answers_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "HANDSHAKE_TIMEOUT_S", 0.05)
    gone = asyncio.Event()

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    async with await asyncio.start_server(ignore, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with NetworkCarriage() as carriage:
            with pytest.raises(ConnectFailed, match=r"more than 0\.05 s"):
                await carriage.connect(f"ws://127.0.0.1:{port}/", {}, _Nobody())
        await gone.wait()


class _Keeper:
    def __init__(self) -> None:
        self.got: list[str | bytes] = []
        self.any = asyncio.Event()

    def message(self, data: str | bytes) -> None:
        self.got.append(data)
        self.any.set()

    def closed(self, code: int, reason: str) -> None: ...


async def test_binary_messages_go_out_and_what_comes_may_be_left_unread() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    asked: asyncio.Queue[tuple[ServerConnection, str | bytes]] = asyncio.Queue()

    async def ask(connection: ServerConnection) -> None:
        async for message in connection:
            asked.put_nowait((connection, message))

    async with serve(ask, "127.0.0.1", 0) as server, NetworkCarriage() as carriage:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        deaf, reader = _Keeper(), _Keeper()
        sockets = [await carriage.connect(url, {}, keeper) for keeper in (deaf, reader)]
        sockets[0].stop_reading()
        for one in sockets:
            one.send(b"\x00\x01")
            connection, message = await asked.get()
            assert message == b"\x00\x01"
            await connection.send("heard")
        # what was sent to the other before has arrived by then
        await reader.any.wait()
        assert (deaf.got, reader.got) == ([], ["heard"])
        for one in sockets:
            one.abort()
            await one.wait_closed()
            one.stop_reading()


async def test_a_message_in_fragments_is_one_message() -> None:
    got: list[str | bytes] = []
    closed = asyncio.Event()

    class Keeper:
        def message(self, data: str | bytes) -> None:
            got.append(data)

        def closed(self, code: int, reason: str) -> None:
            closed.set()

    from websockets.asyncio.server import ServerConnection, serve

    async def send(connection: ServerConnection) -> None:
        await connection.send(["one ", "two ", "thrée"])
        await connection.send(b"\x00\x01")

    async with serve(send, "127.0.0.1", 0) as server, NetworkCarriage() as carriage:
        port = next(iter(server.sockets)).getsockname()[1]
        connected: NetworkSocket = await carriage.connect(f"ws://127.0.0.1:{port}/", {}, Keeper())
        await closed.wait()
        await connected.wait_closed()
    assert got == ["one two thrée", b"\x00\x01"]

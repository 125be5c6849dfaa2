"""What a flow may reach, and what becomes of every way a service can misbehave: on real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.call.http_client import CLIENTS_MAX, Answer, HttpClient
from app.clock import SystemClock
from app.flow.effects import ServiceRequest
from app.flow.inputs import ServiceAnswered, ServiceFailed

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


class Service:
    """A small HTTP service: remembers requests, answers with the given bytes, then keeps silent or closes."""

    def __init__(self, answer: bytes, *, closes: bool = True) -> None:
        self.answer = answer
        self.closes = closes
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        self.requests.append(head + body)
        writer.write(self.answer)
        try:
            await writer.drain()
            if not self.closes:
                await reader.read()
        except ConnectionError:
            pass
        writer.close()
        self.gone.set()


@asynccontextmanager
async def reaching(service: Service) -> AsyncIterator[tuple[HttpClient, str]]:
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = HttpClient(SystemClock(), [f"127.0.0.1:{port}"])
    async with server:
        yield client, f"http://127.0.0.1:{port}"
        await client.aclose()
    for _ in range(3):  # httpx leaves it to the loop to end the reading of an answer that was given up
        await asyncio.sleep(0)


def json_answer(value: object) -> bytes:
    content = json.dumps(value).encode()
    return OK % (len(content), content)


async def ask(service: Service, *, timeout_ms: float = 2000, method: str = "GET", body: Any = None) -> Answer:
    async with reaching(service) as (client, url):
        return await client.ask(ServiceRequest(method, f"{url}/a?b=c", (("X-Key", "k"),), body), timeout_ms)


@pytest.mark.real_time
async def test_a_service_is_asked_and_answers() -> None:
    service = Service(json_answer({"free": ["09:30"]}))
    answer = await ask(service, method="POST", body={"day": "2026-11-20"})
    assert isinstance(answer, ServiceAnswered)
    assert (answer.status, answer.json, answer.readable) == (200, {"free": ["09:30"]}, True)
    (sent,) = service.requests
    assert sent.startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert b"X-Key: k\r\n" in sent
    assert sent.endswith(b'{"day":"2026-11-20"}')


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True)),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno", (500, False)),
        (OK % (5, b"hello"), (200, False)),
        (OK % (200, b"[" * 300), (200, False)),
        (OK % (20_000, b"[" * 20_000), (200, False)),
        (OK % (70_000, b"1" * 70_000), "its answer is over 65536 bytes"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", (302, True)),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
            "its answer is compressed",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "RemoteProtocolError"),
        (b"garbage\r\n\r\n", "RemoteProtocolError"),
        (b"", "RemoteProtocolError"),
    ],
)
async def test_an_answer_however_it_is_ends_in_good_order(answer: bytes, expected: object) -> None:
    got = await ask(Service(answer))
    if isinstance(got, ServiceAnswered):
        assert (got.status, got.readable) == expected
    else:
        assert got.reason == expected


@pytest.mark.real_time
async def test_who_does_not_answer_in_time_is_left(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", closes=False)
    with caplog.at_level(logging.WARNING):
        answer = await ask(service, timeout_ms=300)
    assert isinstance(answer, ServiceFailed)
    assert answer.reason == "timeout"
    async with asyncio.timeout(2):
        await service.gone.wait()
    assert len(service.requests) == 1
    assert caplog.text == ""


@pytest.mark.real_time
async def test_nobody_there() -> None:
    service = Service(b"")
    async with reaching(service) as (client, url):
        pass
    client = HttpClient(SystemClock(), [url.removeprefix("http://")])
    answer = await client.ask(ServiceRequest("GET", url), 2000)
    await client.aclose()
    assert isinstance(answer, ServiceFailed)
    assert answer.reason == "ConnectError"


class Names:
    """A resolver whose names stand for the given addresses, which may change from one time to the next."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        if not self.answers:
            raise OSError(f"no such name: {host}")
        return self.answers[min(self.asked, len(self.answers)) - 1]


class Wire(httpx.AsyncBaseTransport):
    """Records where a request would have gone."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))


async def sent(url: str, names: Names, allow: Sequence[str] = ()) -> tuple[Answer, list[httpx.Request]]:
    wire = Wire()
    client = HttpClient(SystemClock(), allow, names, lambda: wire)
    answer = await client.ask(ServiceRequest("GET", url), 1000)
    await client.aclose()
    return answer, wire.sent


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    answer, (request,) = await sent("https://api.example.com/x?y=1", names)
    assert isinstance(answer, ServiceAnswered)
    assert names.asked == 1
    assert str(request.url) == "https://93.184.216.34/x?y=1"
    assert request.headers["host"] == "api.example.com"
    assert request.extensions["sni_hostname"] == "api.example.com"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["172.16.0.1"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["93.184.216.34", "127.0.0.1"],
    ],
)
async def test_no_address_within_reach_of_the_machine_alone_is_asked(addresses: Sequence[str]) -> None:
    answer, requests = await sent("https://inside.example/", Names(addresses))
    assert isinstance(answer, ServiceFailed)
    assert answer.reason == "not a public address"
    assert requests == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.example.com/", "only https is allowed"),
        ("/bookings", "no complete address"),
        ("", "no complete address"),
        ("https:///x", "no complete address"),
        ("ftp://api.example.com/", "no complete address"),
        ("file:///etc/passwd", "no complete address"),
        ("https://[::1/", "no complete address"),
        ("https://api.example.com:99999/", "no complete address"),
        ("https://user:secret@api.example.com/", "credentials in the address"),
    ],
)
async def test_no_other_address_is_asked(url: str, reason: str) -> None:
    answer, requests = await sent(url, Names(["93.184.216.34"]))
    assert isinstance(answer, ServiceFailed)
    assert answer.reason.startswith(reason)
    assert "secret" not in answer.reason
    assert requests == []


async def test_an_exception_is_one_host_at_one_port() -> None:
    for url, allowed in (
        ("http://backend.local:9000/", True),
        ("http://backend.local:9001/", False),
        ("http://other.local:9000/", False),
        ("https://backend.local:9000/", True),
    ):
        answer, _ = await sent(url, Names(["10.0.0.5"]), ["backend.local:9000"])
        assert isinstance(answer, ServiceAnswered) is allowed, url


async def test_a_name_that_nobody_knows() -> None:
    answer, _ = await sent("https://nowhere.example/", Names())
    assert isinstance(answer, ServiceFailed)
    assert answer.reason == "its name cannot be resolved"


async def test_a_header_that_cannot_be_sent_is_named_and_not_quoted() -> None:
    client = HttpClient(SystemClock(), (), Names(["93.184.216.34"]), Wire)
    answer = await client.ask(ServiceRequest("GET", "https://api.example.com/", (("X-Name", "Zoë"),)), 1000)
    await client.aclose()
    assert isinstance(answer, ServiceFailed)
    assert answer.reason == "its header X-Name holds letters that no header can carry"


class Held(Wire):
    """Answers when it may, unless it was closed by then."""

    def __init__(self, may: asyncio.Event) -> None:
        super().__init__()
        self.may = may
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.may.wait()
        if self.closed:
            raise httpx.ReadError("closed")
        return await super().handle_async_request(request)

    async def aclose(self) -> None:
        self.closed = True


async def test_a_client_in_use_is_not_closed_for_want_of_room() -> None:
    may, all_asked, wires = asyncio.Event(), asyncio.Event(), list[Held]()

    def held() -> Held:
        wires.append(Held(may))
        if len(wires) == len(requests):
            all_asked.set()
        return wires[-1]

    client = HttpClient(SystemClock(), (), Names(["93.184.216.34"]), held)
    requests = [
        ServiceRequest("GET", f"https://api{number}.example.com/") for number in range(CLIENTS_MAX + 3)
    ]
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(client.ask(request, 60_000)) for request in requests]
        await all_asked.wait()
        may.set()
    assert all(isinstance(task.result(), ServiceAnswered) for task in asked)
    await client.ask(ServiceRequest("GET", "https://another.example.com/"), 1000)
    assert [wire.closed for wire in wires] == [True] * 4 + [False] * CLIENTS_MAX
    await client.aclose()

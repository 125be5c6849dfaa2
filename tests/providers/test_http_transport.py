from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest
import trustme
import uvloop

from providers.http_transport import AiohttpTransport

pytestmark = pytest.mark.real_time

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"


@asynccontextmanager
async def client_of(answer: Answer, connections: int = 5) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server that does as `answer` does to each request of a connection."""
    serving = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = AiohttpTransport(ssl.create_default_context(), httpx2.Limits(max_connections=connections))
    port = server.sockets[0].getsockname()[1]
    timeout = httpx2.Timeout(0.2)
    async with httpx2.AsyncClient(
        transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=timeout
    ) as client:
        yield client
    server.close()
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


async def whole(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"answer")


async def half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"ans")


async def half_and_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await half(reader, writer)
    writer.close()


async def gone(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"nonsense\r\n\r\n")


async def nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Stays connected and says nothing."""


async def test_a_connection_is_used_again() -> None:
    writers = set[asyncio.StreamWriter]()

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        await whole(reader, writer)

    async with client_of(noted) as client:
        for _ in range(3):
            answer = await client.get("/")
            assert (answer.status_code, answer.content) == (200, b"answer")
    assert len(writers) == 1


async def test_an_answer_that_is_left_closes_its_connection() -> None:
    closed = asyncio.Event()

    async def watched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await half(reader, writer)
        assert not await reader.read()
        closed.set()

    async with client_of(watched) as client:
        async with client.stream("GET", "/") as answer:
            assert await anext(answer.aiter_bytes()) == b"ans"
        async with asyncio.timeout(2):
            await closed.wait()


def hung_up_on(listener: socket.socket, trust: ssl.SSLContext, answer: bytes) -> bool:
    """Whether who asks over TLS hangs up, having had `answer`.

    Like many a service this one looks at the line alone: what TLS says on it, a goodbye too, goes unread.
    """
    line, _ = listener.accept()
    with line.dup() as watched, trust.wrap_socket(line, server_side=True) as secure:
        secure.recv(65536)
        secure.sendall(answer)
        watched.settimeout(5)
        try:
            while watched.recv(4096):
                pass
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
    return True


@pytest.mark.parametrize("answer", [HEAD + b"ans", b""], ids=["in its middle", "before its beginning"])
def test_over_tls_too_an_answer_that_is_left_closes_its_connection(answer: bytes) -> None:
    """On the server's own loop, where a connection that is closed waits for the other side's goodbye."""
    authority, theirs = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)

    async def leave(port: int, seen: Future[bool]) -> None:
        transport = AiohttpTransport(ours, httpx2.Limits())
        async with httpx2.AsyncClient(transport=transport) as client:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5), client.stream("GET", f"https://127.0.0.1:{port}/") as begun:
                    await anext(begun.aiter_bytes())
            assert await asyncio.wrap_future(seen)

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        seen = threads.submit(hung_up_on, listener, theirs, answer)
        uvloop.run(leave(listener.getsockname()[1], seen))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (gone, httpx2.RemoteProtocolError),
        (nonsense, httpx2.RemoteProtocolError),
        (half_and_gone, httpx2.RemoteProtocolError),
        (nothing, httpx2.ReadTimeout),
        (half, httpx2.ReadTimeout),
    ],
)
async def test_what_goes_wrong_is_told_as_httpx2_tells_it(answer: Answer, error: type[Exception]) -> None:
    async with client_of(answer) as client:
        with pytest.raises(error) as told:
            await client.post("/", json={"planted": "question"})
    assert type(told.value) is error
    assert told.value.__cause__ is None
    assert "planted" not in str(told.value)


async def test_nobody_there_and_no_connection_to_be_had_are_told_apart() -> None:
    async with client_of(nothing, connections=1) as client:
        async with asyncio.TaskGroup() as group:
            first, second = (group.create_task(_error_of(client)) for _ in range(2))
        assert {first.result(), second.result()} == {httpx2.ReadTimeout, httpx2.ConnectTimeout}
        address = client.base_url
    async with httpx2.AsyncClient(
        transport=AiohttpTransport(ssl.create_default_context(), httpx2.Limits())
    ) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(address)


async def _error_of(client: httpx2.AsyncClient) -> type[httpx2.HTTPError] | None:
    try:
        await client.get("/")
    except httpx2.HTTPError as error:
        return type(error)
    return None

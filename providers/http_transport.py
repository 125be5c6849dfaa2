"""aiohttp under httpx2: the SDKs ask httpx2, whose own connections cost too much at hundreds of answers at once.

httpcore2 2.16 looks at every connection, and asks the kernel about every idle one, whenever a request begins or ends,
and each piece of an answer takes it longer than aiohttp, whose parser is native, by far. (The SDKs come with such a
transport as well; theirs calls a refused connection, and one that was cut, a timeout.)
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx2


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Connections stay open for the next request to the same host, at most `limits.keepalive_expiry` seconds."""

    def __init__(self, trust: ssl.SSLContext, limits: httpx2.Limits) -> None:
        self._trust = trust
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        session = self._session = self._session or self._new_session()  # its loop is the one that asks first
        with _errors_of_httpx2(request):
            answer = await session.request(
                request.method,
                str(request.url),
                headers=request.headers.multi_items(),
                data=await request.aread() or None,
                allow_redirects=False,
                timeout=_timeout(request),
            )
        return httpx2.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer, request))

    def _new_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._trust,
            limit=self._limits.max_connections or 0,
            keepalive_timeout=self._limits.keepalive_expiry,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            response_class=_Answer,
        )

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()


class _Answer(aiohttp.ClientResponse):
    """Left before its end, or its beginning, it hangs up. Under TLS uvloop would wait for the service's goodbye, half a
    minute where nobody there reads, and have the whole answer come meanwhile.
    """

    def close(self) -> None:
        if self.connection and self.connection.transport:
            self.connection.transport.abort()
        super().close()


class _Body(httpx2.AsyncByteStream):
    """An answer's body. Closed before its end, its connection closes with it."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx2(self._request):
            while chunk := await self._answer.content.readany():
                yield chunk

    async def aclose(self) -> None:
        self._answer.close()


def _timeout(request: httpx2.Request) -> aiohttp.ClientTimeout:
    seconds = request.extensions.get("timeout", {})
    return aiohttp.ClientTimeout(
        connect=seconds.get("pool"), sock_connect=seconds.get("connect"), sock_read=seconds.get("read")
    )


@contextmanager
def _errors_of_httpx2(request: httpx2.Request) -> Iterator[None]:
    try:
        yield
    except aiohttp.ConnectionTimeoutError:
        raise httpx2.ConnectTimeout("no connection in time", request=request) from None
    except TimeoutError:
        raise httpx2.ReadTimeout("nothing more in time", request=request) from None
    except aiohttp.ClientConnectorError:
        raise httpx2.ConnectError("no connection", request=request) from None
    except (aiohttp.ClientError, ConnectionError) as error:
        raise httpx2.RemoteProtocolError(type(error).__name__, request=request) from None

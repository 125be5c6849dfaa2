"""How flows reach services: over https, at public addresses, without redirects, in bounded time and size.

A name is resolved here, all its addresses are checked, and the connection goes to one that was checked: what the name
says a moment later does not count. `HTTP_ALLOW` names the exceptions, as host and port. Nothing is ever retried.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec

from app.clock import Clock
from app.flow.effects import ServiceRequest
from app.flow.inputs import ServiceAnswered, ServiceFailed

ANSWER_BYTES_MAX = 64 * 1024
CLIENTS_MAX = 32
# RFC 6052: an IPv4 address in disguise
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
PORTS = {"https": 443, "http": 80}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Answer = ServiceAnswered | ServiceFailed


class HttpServices(Protocol):
    """Where `http` nodes send their requests."""

    async def ask(self, request: ServiceRequest, timeout_ms: float) -> Answer:
        """Send it, once. Failing is an answer too. Cancelling closes the connection."""
        ...

    async def aclose(self) -> None: ...


class Forbidden(Exception):
    """A request that must not be sent; the message says why, and quotes nothing of the caller."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as the system resolves it. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class HttpClient:
    """`allow` are `host:port` that may be reached although they are not public, or speak plain http."""

    def __init__(
        self,
        clock: Clock,
        allow: Collection[str] = (),
        resolve: Resolve = resolve,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._clock = clock
        self._allow = frozenset(allow)
        self._resolve = resolve
        self._transport = transport
        # made once: it reads hundreds of certificates, which would hold up every call
        self._tls = httpx.create_ssl_context()
        # one for each service: a connection made for one name is never used for another
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._running: Counter[str] = Counter()

    async def ask(self, request: ServiceRequest, timeout_ms: float) -> Answer:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._send(request)
        except TimeoutError:
            reason = "timeout"
        except Forbidden as error:
            reason = str(error)
        except OSError:
            reason = "its name cannot be resolved"
        except httpx.HTTPError as error:
            reason = type(error).__name__
        except (httpx.InvalidURL, UnicodeError):
            reason = "its address cannot be read"
        return ServiceFailed(reason, self._clock.wall())

    async def aclose(self) -> None:
        """Close every connection."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def _send(self, request: ServiceRequest) -> Answer:
        parts = _split(request.url)
        for name, value in dict(request.headers).items():
            if not value.isascii():
                raise Forbidden(f"its header {name} holds letters that no header can carry")
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        address = await self._checked_address(parts.scheme, host, port)
        url = httpx.URL(request.url)
        built = httpx.Request(
            request.method,
            url.copy_with(host=address, port=port),
            headers={
                **dict(request.headers),
                "Host": url.netloc.decode("ascii"),
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            json=request.body,
            extensions={"sni_hostname": host},
        )
        async with self._client(f"{parts.scheme}://{host}:{port}") as client:
            response = await client.send(built, stream=True)
            try:
                return await self._read(response)
            finally:
                await response.aclose()

    async def _checked_address(self, scheme: str, host: str, port: int) -> str:
        """An address of the host that may be reached. Raises Forbidden, OSError."""
        allowed = f"{host}:{port}" in self._allow
        if scheme != "https" and not allowed:
            raise Forbidden("only https is allowed")
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError(host)
        if not allowed and not all(_is_public(address) for address in addresses):
            raise Forbidden("not a public address")
        return addresses[0]

    @asynccontextmanager
    async def _client(self, origin: str) -> AsyncIterator[httpx.AsyncClient]:
        """The service's own client. Those that nobody uses are closed when there are too many, the oldest first."""
        client = self._clients.pop(origin, None) or httpx.AsyncClient(
            transport=self._transport() if self._transport else None,
            verify=self._tls,
            timeout=None,
            trust_env=False,
            follow_redirects=False,
        )
        self._clients[origin] = client
        self._running[origin] += 1
        try:
            idle = [one for one in self._clients if not self._running[one]]
            for oldest in idle[: max(0, len(self._clients) - CLIENTS_MAX)]:
                await self._clients.pop(oldest).aclose()
            yield client
        finally:
            self._running[origin] -= 1
            self._running += Counter()  # forgets those at nought

    async def _read(self, response: httpx.Response) -> Answer:
        if response.headers.get("content-encoding", "identity") != "identity":
            return ServiceFailed("its answer is compressed", self._clock.wall())
        content = b""
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                return ServiceFailed(f"its answer is over {ANSWER_BYTES_MAX} bytes", self._clock.wall())
        try:
            value = msgspec.json.decode(content) if content.strip() else None
        except (ValueError, RecursionError):
            return ServiceAnswered(response.status_code, self._clock.wall(), readable=False)
        return ServiceAnswered(response.status_code, self._clock.wall(), value)


def host_of(url: str) -> str:
    """The host of an address, for the record; empty when there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _split(url: str) -> SplitResult:
    """Raises Forbidden for what is no absolute web address, or carries credentials."""
    try:
        parts = urlsplit(url)
        complete = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise Forbidden("no complete address; is the variable set that it begins with?")
    if parts.username or parts.password:
        raise Forbidden("credentials in the address; put them in a header")
    return parts


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    found = mapped or found
    translated = isinstance(found, ipaddress.IPv6Address) and (
        found.sixtofour or found.teredo or found in NAT64
    )
    return found.is_global and not found.is_multicast and not translated

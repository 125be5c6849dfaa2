"""What providers that speak HTTP share: a warm pooled client, and what an answer or a failure means.

Both SDKs in use (openai, anthropic) are built on httpx2, so one client serves either.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

import httpx2

from app.errors import BadCredentials, BadRequest, BrokenStream, ProviderError, RateLimited, Refused, TimedOut

# Safety nets only: how long a turn may wait is for the caller of a provider to say.
TIMEOUT = httpx2.Timeout(10.0, connect=2.0, pool=2.0)
# Turns of a call are many seconds apart; services close what is idle after some minutes.
LIMITS = httpx2.Limits(max_connections=500, max_keepalive_connections=100, keepalive_expiry=90.0)
SDK_RETRIES = 0  # time belongs to the turn
# The count of tokens and a filter's remarks come behind the end of a reply; it does not wait for them any longer.
AFTERWORD_S = 0.2
LONGEST_LINE_BYTES = 64 * 1024

WRONG_SETTINGS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
WRONG_REQUEST = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


class LineTooLong(httpx2.DecodingError):
    """A line of an event stream that no honest service sends."""


class _BoundedLines(httpx2.AsyncByteStream):
    """An event stream that ends in LineTooLong rather than fill the memory."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        since_newline = 0
        async for chunk in self._stream:
            at = chunk.rfind(b"\n")
            since_newline = since_newline + len(chunk) if at < 0 else len(chunk) - at - 1
            if since_newline > LONGEST_LINE_BYTES:
                raise LineTooLong(f"a line of more than {LONGEST_LINE_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        event_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        if event_stream and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _BoundedLines(response.stream)
        return response


def http_client(trust: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """A client whose connections stay open between turns. `trust` says whose certificates are believed, None the usual
    authorities'.

    HTTP/1.1, also where the service speaks HTTP/2: to give up a reply there takes RST_STREAM (RFC 9113 §5.4.2), which
    httpcore2 2.16 does not send. The service would make a reply that nobody hears to its end, and what comes of it,
    never acknowledged, would fill the window that all calls of the connection share, until none gets an answer.
    """
    transport = _Transport(verify=trust or True, http2=False, limits=LIMITS)
    return httpx2.AsyncClient(transport=transport, timeout=TIMEOUT, follow_redirects=False)


def rehearsal_client(events: bytes) -> httpx2.AsyncClient:
    """A client that reaches nobody: it is refused once, and then answered with an event stream."""
    headers = {"content-type": "text/event-stream"}
    answers = [
        httpx2.Response(500, json={"error": {}}),
        httpx2.Response(200, headers=headers, content=events),
    ]
    return httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: answers.pop(0)))


def refusal(name: str, status: int, headers: Mapping[str, str]) -> ProviderError:
    """What an HTTP status that is not a success means. `name` is the provider's."""
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        wait_s = retry_after_s(headers)
        if wait_s is not None or status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimited(f"{name}: asks for patience (HTTP {status})", retry_after_s=wait_s)
    if status in WRONG_SETTINGS:
        return BadCredentials(f"{name}: HTTP {status}; check its key, address and model in the settings")
    if status in WRONG_REQUEST:
        return BadRequest(f"{name}: does not accept this request (HTTP {status})")
    return Refused(f"{name}: HTTP {status}")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The patience that an answer asks for (RFC 9110 §10.2.3, in seconds only), None where it names none."""
    for header, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(header, "").strip()
        if text.replace(".", "", 1).isdecimal() and text.isascii():
            return float(text) * unit_s
    return None


def transport_failure(name: str, error: httpx2.HTTPError, emitted: str | bytes) -> ProviderError:
    """What a failure below HTTP means, `emitted` being what had come by then."""
    if isinstance(error, httpx2.TimeoutException):
        return TimedOut(f"{name}: no answer in time ({type(error).__name__})")
    if isinstance(error, httpx2.ConnectError):
        return Refused(f"{name}: cannot be reached")
    return BrokenStream(f"{name}: the connection broke ({type(error).__name__})", emitted=emitted)

"""What providers that speak HTTP share: a warm pooled client, and what an answer or a failure means.

Both SDKs in use (openai, anthropic) are built on httpx2, so one client serves either.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http import HTTPStatus

import httpx2

from app.errors import BadCredentials, BadRequest, BrokenStream, ProviderError, RateLimited, Refused, TimedOut
from providers.http_transport import AiohttpTransport

# Safety nets only: how long a turn may wait is for the caller of a provider to say.
TIMEOUT = httpx2.Timeout(10.0, connect=2.0, pool=2.0)
# Turns of a call are many seconds apart; services close what is idle after some minutes.
LIMITS = httpx2.Limits(max_connections=500, keepalive_expiry=90.0)
SDK_RETRIES = 0  # time belongs to the turn

WRONG_SETTINGS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
WRONG_REQUEST = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


def http_client(trust: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """A client whose connections stay open between turns. `trust` says whose certificates are believed, None the usual
    authorities'.

    HTTP/1.1, also where the service speaks HTTP/2: a reply that is given up closes a connection of its own. Over
    HTTP/2 it takes RST_STREAM (RFC 9113 §5.4.2), and a client that sends none has the whole reply made for nobody: what
    comes of it, never acknowledged, fills the window that all calls share, until none gets an answer.
    """
    transport = AiohttpTransport(trust or httpx2.create_ssl_context(), LIMITS)
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

"""What operators look at: /metrics for Prometheus, /console for people, /cache for `callrelay cache`.

Local callers are let in (see `access.is_local`). Everybody else needs CONSOLE_TOKEN, as a bearer token or as the
password of HTTP basic authentication (RFC 6750, RFC 7617), which browsers ask for by themselves; where it is not set,
nobody else is let in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.call.foresight import Foresight
from app.ops.cache_report import cache_report
from app.web.access import is_local

log = logging.getLogger("callrelay.web")

PAGE = Path(__file__).with_name("console.html")
CHALLENGE = {"WWW-Authenticate": 'Basic realm="callrelay", charset="UTF-8"'}

Endpoint = Callable[[Request], Awaitable[Response]]


class Overview(Protocol):
    """Of one process or of several workers."""

    @property
    def figures(self) -> Collector: ...

    def state(self) -> dict[str, Any]: ...


class Operators:
    """The routes."""

    def __init__(self, token: str | None, overview: Overview, foresight: Foresight) -> None:
        self._token = token
        self._overview = overview
        self._foresight = foresight
        self._page = PAGE.read_text("utf-8")
        self._policy = _content_policy(self._page)

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/metrics", self._guarded(self._metrics)),
            Route("/console", self._guarded(self._console)),
            Route("/console/state", self._guarded(self._now)),
            Route("/cache", self._guarded(self._cache)),
        ]

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            refusal = self._refusal(request)
            if refusal is None:
                return await endpoint(request)
            log.warning("refused %r: %s", request.url.path, refusal)
            return PlainTextResponse(refusal, 401 if self._token else 403, CHALLENGE if self._token else {})

        return guarded

    def _refusal(self, request: Request) -> str | None:
        if is_local(request):
            return None
        if not self._token:
            return "CONSOLE_TOKEN is not set, so only callers on this machine are let in"
        given = _token_in(request.headers.get("authorization", ""))
        fits = hmac.compare_digest(given.encode(), self._token.encode("utf-8", "surrogateescape"))
        return None if fits else "CONSOLE_TOKEN is needed: as a bearer token, or as the password"

    async def _metrics(self, request: Request) -> Response:
        return Response(
            generate_latest(self._overview.figures), headers={"content-type": CONTENT_TYPE_LATEST}
        )

    async def _cache(self, request: Request) -> Response:
        return JSONResponse(cache_report(self._foresight))

    async def _console(self, request: Request) -> Response:
        headers = {"Content-Security-Policy": self._policy, "Cache-Control": "no-store"}
        return HTMLResponse(self._page, headers=headers)

    async def _now(self, request: Request) -> Response:
        return JSONResponse(self._overview.state(), headers={"Cache-Control": "no-store"})


def _token_in(authorization: str) -> str:
    """What the header holds as a secret, empty where it holds none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        pair = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]


def _content_policy(page: str) -> str:
    """Nothing but the page's own script and style runs, and it speaks with nobody but us (CSP level 3)."""
    found = {kind: re.search(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL) for kind in ("script", "style")}
    hashed = {
        kind: base64.b64encode(hashlib.sha256(match[1].encode()).digest()).decode()
        for kind, match in found.items()
        if match
    }
    own = "; ".join(f"{kind}-src 'sha256-{digest}'" for kind, digest in hashed.items())
    return f"default-src 'none'; {own}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

"""Who may call the webhooks and open streams: the carrier by its signature, or a caller on this machine.

                        auth token configured                  no auth token
    webhook             must be signed                         local callers only
    stream, signed      the signature must be right            local callers only
    stream, unsigned    REQUIRE_WS_SIGNATURE: refused          local callers only
                        else let in; its token decides         REQUIRE_WS_SIGNATURE: refused

What is signed is PUBLIC_URL + path + query, as sent. Without PUBLIC_URL nobody but a local caller is let in, and the
address is the request's own. The Host header never matters otherwise, for whoever sends a request chooses it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from app.carriers import signature

SIGNATURE_HEADER = "x-twilio-signature"
LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
PROXY_HEADERS = ("forwarded", "x-forwarded-", "via")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is let in, and why: in words for the log, without secrets."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Access:
    """Decides by settings alone; see `Settings` for what they mean."""

    public_url: str | None
    auth_tokens: Sequence[str]
    require_ws_signature: bool

    def webhook(self, request: HTTPConnection, form: Sequence[tuple[str, str]]) -> Verdict:
        """May this form post be acted upon? `form` has every pair as sent, blank values too."""
        if refusal := self._refusal(request):
            return Verdict(False, refusal)
        if not self.auth_tokens:
            return Verdict(True, "local")
        given = request.headers.get(SIGNATURE_HEADER)
        if given is None:
            return Verdict(False, "the request is not signed")
        valid = signature.accepts(given, self.auth_tokens, self._signed_url(request), form)
        return _signed(valid)

    def stream(self, handshake: HTTPConnection) -> Verdict:
        """May this WebSocket be accepted? Its one-shot token must still be right."""
        if refusal := self._refusal(handshake):
            return Verdict(False, refusal)
        given = handshake.headers.get(SIGNATURE_HEADER)
        if self.require_ws_signature and (given is None or not self.auth_tokens):
            return Verdict(
                False, "REQUIRE_WS_SIGNATURE is set, and the handshake has none that can be checked"
            )
        if not self.auth_tokens:
            return Verdict(True, "local")
        if given is None:
            return Verdict(True, "not signed; the stream's token decides")
        return _signed(signature.accepts_handshake(given, self.auth_tokens, self._signed_url(handshake)))

    def _refusal(self, request: HTTPConnection) -> str | None:
        if self.auth_tokens and self.public_url:
            return None
        if is_local(request):
            return None
        missing = "TWILIO_AUTH_TOKEN" if not self.auth_tokens else "PUBLIC_URL"
        return f"{missing} is not set, so only callers on this machine are let in"

    def _signed_url(self, request: HTTPConnection) -> str:
        scope = request.scope
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = b"?" + scope["query_string"] if scope["query_string"] else b""
        origin = self.public_url or f"http://{request.headers.get('host', '')}"
        if scope["type"] == "websocket":
            origin = "ws" + origin.removeprefix("http")
        return origin.rstrip("/") + (path + query).decode("latin-1")


def is_local(request: HTTPConnection) -> bool:
    """Does the request come from this machine, and not through a proxy, a tunnel or somebody's web page?"""
    headers = request.headers
    hosts, origin = headers.getlist("host"), headers.get("origin")
    return (
        request.client is not None
        and _is_loopback(request.client.host)
        and len(hosts) == 1
        and LOCAL_HOST.fullmatch(hosts[0]) is not None
        and (origin is None or origin.partition("://")[2] == hosts[0])
        and not any(name.startswith(PROXY_HEADERS) for name in headers)
    )


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _signed(valid: bool) -> Verdict:
    return Verdict(valid, "signed" if valid else "the signature does not fit the request")

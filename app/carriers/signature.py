"""Twilio's request signature: base64(HMAC-SHA1(auth token, URL + parameters)), in `X-Twilio-Signature`.

Source: Twilio's page "Webhooks security". The URL is the one Twilio was given, byte for byte. A form's parameters
follow it, sorted by name, name and value without any separator, blank values too; of a name that is repeated, its
different values, sorted. A JSON body is signed through its SHA-256, which stands in the URL as `bodySHA256`. A
WebSocket's URL is the `wss://` one of the TwiML, to which some senders add a slash. Twilio is not consistent about
ports, so a URL counts with its port, without it, and with the scheme's default one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, urlsplit

Parameters = Iterable[tuple[str, str]]

_AUTHORITY = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<host>(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*))(?P<port>:\d+)?"
)
_DEFAULT_PORTS = {"http": ":80", "ws": ":80", "https": ":443", "wss": ":443"}


def sign(token: str, url: str, parameters: Parameters = (), *, digest: str = "sha1") -> str:
    """The signature of a request. `digest` is `sha256` where the account signs with a shared key."""
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return b64encode(hmac.digest(token.encode(), _bytes(signed), digest)).decode("ascii")


def accepts(signature: str, tokens: Iterable[str], url: str, parameters: Parameters = ()) -> bool:
    """Is this the signature of a GET (no parameters) or of a form under one of the account's tokens?"""
    parameters = tuple(parameters)
    expected = [sign(token, one, parameters) for token in tokens if token for one in _with_ports(url)]
    return _any_equal(signature, expected)


def accepts_json(signature: str, tokens: Iterable[str], url: str, body: bytes) -> bool:
    """Is this the signature of a JSON request, and is the body the one that was signed?"""
    claimed = parse_qs(urlsplit(url).query).get("bodySHA256", [""])
    genuine = _any_equal(claimed[0], [hashlib.sha256(body).hexdigest()])
    return accepts(signature, tokens, url) and genuine and len(claimed) == 1


def accepts_handshake(signature: str, tokens: Iterable[str], url: str) -> bool:
    """Is this the signature of a WebSocket handshake at a `wss://` URL, with or without a slash at its end?"""
    tokens = tuple(tokens)
    bare = url.rstrip("/")
    return accepts(signature, tokens, bare) | accepts(signature, tokens, bare + "/")


def _with_ports(url: str) -> Iterator[str]:
    found = _AUTHORITY.match(url)
    if found is None:
        return
    origin, rest = f"{found['scheme']}://{found['host']}", url[found.end() :]
    yield url
    yield origin + rest if found["port"] else origin + _DEFAULT_PORTS.get(found["scheme"], "") + rest


def _any_equal(given: str, expected: Iterable[str]) -> bool:
    """Compares with all, each in constant time."""
    same = [hmac.compare_digest(_bytes(given), one.encode()) for one in expected]
    return any(same)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

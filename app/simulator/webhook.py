"""A carrier's form posts: their fields and their signature.

Source: Twilio, "Webhooks: security". The signature is HMAC-SHA1 with the account's auth token over the address
as the carrier was told it, followed by every field's name and value in order of names; a WebSocket's handshake
signs its address alone. This is written anew rather than taken from the server's own code, so that the two
check each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

# what becomes of a <Dial>: its DialCallStatus
DIAL_STATUS = {"answered": "completed", "no-answer": "no-answer", "busy": "busy", "failed": "failed"}
_EMPTY = tuple(
    f"{whose}{what}" for whose in ("From", "To", "Caller", "Called") for what in ("City", "State", "Zip")
)


def new_sid(prefix: str) -> str:
    """A fresh identifier of the carrier's: CA… for calls, MZ… for streams."""
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """Who calls whom, on which account."""

    from_number: str = "+14155550100"
    to_number: str = "+18005550199"
    account_sid: str = "AC00000000000000000000000000000001"
    call_sid: str = field(default_factory=lambda: new_sid("CA"))

    def form(self, status: str, extra: Mapping[str, str]) -> list[tuple[str, str]]:
        """The fields of a webhook about this call; `status` is its CallStatus."""
        fields = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.call_sid,
            "CallStatus": status,
            "Called": self.to_number,
            "CalledCountry": "US",
            "Caller": self.from_number,
            "CallerCountry": "US",
            "CallerName": "",
            "Direction": "inbound",
            "From": self.from_number,
            "FromCountry": "US",
            "To": self.to_number,
            "ToCountry": "US",
            **dict.fromkeys(_EMPTY, ""),
            **extra,
        }
        return sorted(fields.items())


def sign(token: str, url: str, form: Iterable[tuple[str, str]] = ()) -> str:
    """The value of X-Twilio-Signature."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


@dataclass(frozen=True, slots=True)
class Route:
    """Where the server listens, and the public address under which the carrier knows it, if another.

    Addresses are signed, and the Host header written, in their public form; requests go to the listening one.
    """

    listening: str
    public: str | None = None

    def to_public(self, url: str) -> str:
        return url if self.public is None else _moved(url, self.listening, self.public)

    def to_listening(self, url: str) -> str:
        return url if self.public is None else _moved(url, self.public, self.listening)


@dataclass(frozen=True, slots=True)
class Signer:
    """Headers for the carrier's requests. Without a token they go unsigned, and keep the listening Host."""

    route: Route
    token: str | None = None
    sign_sockets: bool = False

    def webhook(self, url: str, form: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Headers of a form POST; of a GET when the form is empty and the fields stand in the address."""
        return self._headers(url, form) if self.token else {}

    def socket(self, url: str) -> dict[str, str]:
        """Headers of a stream's handshake."""
        return self._headers(url, ()) if self.token and self.sign_sockets else {}

    def _headers(self, url: str, form: Iterable[tuple[str, str]]) -> dict[str, str]:
        assert self.token is not None
        public = self.route.to_public(url)
        return {"Host": urlsplit(public).netloc, "X-Twilio-Signature": sign(self.token, public, form)}


def _moved(url: str, origin: str, target: str) -> str:
    """`url` at another origin, if it is at this one; a socket address stays one."""
    parts, here, there = urlsplit(url), urlsplit(origin), urlsplit(target)
    if parts.netloc != here.netloc:
        return url
    secure = there.scheme == "https"
    scheme = {"ws": "wss", "wss": "wss"} if secure else {"ws": "ws", "wss": "ws"}
    return urlunsplit(
        (scheme.get(parts.scheme, there.scheme), there.netloc, parts.path, parts.query, parts.fragment)
    )

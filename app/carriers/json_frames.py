"""What every dialect of JSON over WebSocket text frames checks first: kind, size, rate, and JSON itself."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from app.errors import RemoteProtocolError

MAX_MESSAGE_BYTES = 64 * 1024
MESSAGES_PER_SECOND = 100
MESSAGES_AT_ONCE = 1000

# RFC 6455 §7.4.1
UNSUPPORTED_DATA = 1003
INVALID_PAYLOAD = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009

T = TypeVar("T")


class RateLimit:
    """A token bucket of 100 messages a second and 1,000 at once: a TCP stall releases seconds of media together.

    Kept as the moment at which the bucket will be full again.
    """

    __slots__ = ("_full_at",)

    def __init__(self) -> None:
        self._full_at = float("-inf")

    def spend(self, messages: int, now: float) -> None:
        """Take tokens at `now`, monotonic seconds. Raises RemoteProtocolError when there are too few."""
        full_at = (now if now > self._full_at else self._full_at) + messages / MESSAGES_PER_SECOND
        if full_at - now > MESSAGES_AT_ONCE / MESSAGES_PER_SECOND:
            raise RemoteProtocolError(
                f"more than {MESSAGES_PER_SECOND} messages a second, {MESSAGES_AT_ONCE} at once",
                close_code=POLICY_VIOLATION,
            )
        self._full_at = full_at


def text_of(message: str | bytes) -> str:
    """The text of a frame. Raises RemoteProtocolError for a binary or an oversized one."""
    if not isinstance(message, str):
        raise RemoteProtocolError("a binary frame where only text is spoken", close_code=UNSUPPORTED_DATA)
    if len(message) > MAX_MESSAGE_BYTES or not (message.isascii() or _fits(message)):
        raise RemoteProtocolError(
            f"a message of more than {MAX_MESSAGE_BYTES} bytes", close_code=MESSAGE_TOO_BIG
        )
    return message


def decode(decoder: msgspec.json.Decoder[T], text: str) -> T:
    """Decode JSON. Raises msgspec.ValidationError for a wrong type, RemoteProtocolError if it is no JSON.

    Errors say where, never what: the text is the caller's.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except RecursionError:
        raise RemoteProtocolError("JSON nested too deeply", close_code=POLICY_VIOLATION) from None
    except (msgspec.DecodeError, UnicodeError):
        raise RemoteProtocolError("a message that is not JSON in UTF-8", close_code=INVALID_PAYLOAD) from None


def _fits(message: str) -> bool:
    return len(message.encode("utf-8", "surrogatepass")) <= MAX_MESSAGE_BYTES

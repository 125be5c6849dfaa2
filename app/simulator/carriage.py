"""How a carrier's messages travel: what a call needs of HTTP and of a WebSocket.

Two implementations: `network` over real sockets, `asgi` in memory. A socket's sending is synchronous and
never waits, so that one ticker can drive many calls; what arrives is told to a `Listener` the moment it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Form = Sequence[tuple[str, str]]
NOT_READ_LIMIT_BYTES = 1 << 20
NOT_READ = "the server does not read: a mebibyte is waiting"


class ConnectFailed(Exception):
    """Nobody answered, or the WebSocket handshake was refused with `status`."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response."""

    status: int
    content_type: str
    body: bytes


class Listener(Protocol):
    """Who is told what a socket brings."""

    def message(self, data: str | bytes) -> None:
        """The server sent a message, text or binary."""
        ...

    def closed(self, code: int, reason: str) -> None:
        """The connection is over, told once. 1006 where the server closed without saying so."""
        ...


class Socket(Protocol):
    """A WebSocket in the client's hands. After it is closed everything does nothing."""

    def send(self, message: str | bytes) -> None:
        """Send a message, text or binary. A server that leaves a mebibyte unread is cut off."""
        ...

    def stop_reading(self) -> None:
        """Leave unread whatever the server sends from now on."""
        ...

    def close(self, code: int = 1000) -> None:
        """Begin the closing handshake."""
        ...

    def abort(self) -> None:
        """Vanish without a word, as a dead network does."""
        ...

    async def wait_closed(self) -> None:
        """Until the connection is gone. A server that does not answer the close is given up after a while."""
        ...


class Carriage(Protocol):
    """A way to a server."""

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        """Make a request whose body is a form (empty for a GET). Raises ConnectFailed."""
        ...

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> Socket:
        """Open a WebSocket. Raises ConnectFailed."""
        ...

"""The way of a stream's messages past ASGI: an extension of the scope, by servers that take or give them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

SHORT_WAY: Final = "callrelay.short_way"


class ShortWay(Protocol):
    """What `scope["extensions"][SHORT_WAY]` is."""

    def hand_on(self, take: Callable[[str], None] | None) -> None:
        """From now on call `take`, which must not fail, with usual messages instead of letting them be received."""
        ...

    def write(self, text: str) -> bool:
        """Send a message if it need not wait; False: nothing was sent."""
        ...

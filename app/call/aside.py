"""Work that takes long, beside the event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

# does the work on a thread and brings back what it returns; tests in virtual time do it at once
Aside = Callable[[Callable[[], bool]], Awaitable[bool]]

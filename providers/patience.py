"""How long nothing comes of a service, told apart from how long nobody had time to look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LOOK_S = 0.02  # for bytes that wait in a socket, or a thread's news, to come through to who waits
LATE_S = 0.01
LOOKS_AT_MOST = 5


@asynccontextmanager
async def patience(seconds: float | None) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, but it ends only a wait in which the loop was free, at its end, to hear what had come.

    When the loop was kept from its work for longer than a timeout, the timer falls due in the same round in which the
    bytes are read, and a service that is well would be left for our own slowness. So the last `LOOK_S` of the time
    must pass undisturbed, or as long again is waited. A loop that is always late finds a silence later, but it does.
    """
    async with asyncio.timeout(None) as limit:
        watch = _Watch(limit, seconds) if seconds is not None else None
        try:
            yield
        finally:
            if watch:
                watch.cancel()


class _Watch:
    """Lets `limit` expire, at the earliest in so many seconds."""

    def __init__(self, limit: asyncio.Timeout, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._due_s = self._loop.time() + seconds
        self._looks = 0
        self._look_at(self._due_s - LOOK_S)

    def _look_at(self, at_s: float) -> None:
        self._at_s = at_s
        self._timer = self._loop.call_at(at_s, self._look)

    def _look(self) -> None:
        now_s = self._loop.time()
        free = self._at_s >= self._due_s and now_s - self._at_s < LATE_S
        if free or self._looks == LOOKS_AT_MOST:
            self._limit.reschedule(now_s)
            return
        self._looks += 1
        self._look_at(max(self._due_s, now_s + LOOK_S))

    def cancel(self) -> None:
        self._timer.cancel()

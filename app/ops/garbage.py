"""Python's garbage collector, kept from standing still for calls.

What a call holds is freed by its reference counts. A full collection looks at every object all the same, which takes
60 ms while 200 calls go on; so it happens when nobody is talking, and now and then where somebody always is. (Python
3.14 collects the old bit by bit, and has no use for the third threshold.)
"""

from __future__ import annotations

import gc

from app.clock import Clock

YOUNG_OBJECTS, YOUNG_COLLECTIONS, NEVER = 700, 10, 1_000_000
QUIET_EVERY_S = 60.0
BUSY_EVERY_S = 900.0


class GarbageCollection:
    """Collects the young by itself, and everything when `look` says so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.now()

    def begin(self) -> None:
        """What is there now stays for good: no collection looks at it again."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, YOUNG_COLLECTIONS, NEVER)
        self._last = self._clock.now()

    def look(self, calls: int) -> None:
        """Collect everything if that is due with so many calls going on."""
        now = self._clock.now()
        if now - self._last >= (BUSY_EVERY_S if calls else QUIET_EVERY_S):
            gc.collect()
            self._last = now

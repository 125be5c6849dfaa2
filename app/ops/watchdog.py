"""Notices from beside it when the event loop stands still, and says where: a thread looks whether it still beats."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType

from app.clock import Clock

log = logging.getLogger("callrelay.ops")

STALL_S = 0.2
BEAT_S = 0.05


class LoopWatchdog:
    """A context, entered on the loop's own thread: a loop that has not beaten for 200 ms has its stack logged.

    So a stall of 200 ms is always told, none of less than 150 is, and its length may be 50 ms too long. It is told once
    while it lasts (`stalled`), and its length when it is over. A stack has code in it, no values.
    """

    def __init__(self, clock: Clock, stalled: Callable[[], None]) -> None:
        self._clock = clock
        self._stalled = stalled
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._loop_thread = 0
        self._next: asyncio.TimerHandle
        self._beaten_at = 0.0

    def __enter__(self) -> LoopWatchdog:
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._beat()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._next.cancel()
        self._over.set()

    def _beat(self) -> None:
        self._beaten_at = self._clock.now()
        self._next = self._loop.call_later(BEAT_S, self._beat)

    def _watch(self) -> None:
        """Sleep until the last beat is 200 ms ago, which it never is while the loop goes on."""
        rest_s = STALL_S
        while not self._over.wait(rest_s):
            last = self._beaten_at
            since_s = self._clock.now() - last
            rest_s = STALL_S - since_s
            if rest_s <= 0:
                self._tell(last, since_s)
                rest_s = STALL_S

    def _tell(self, last: float, since_s: float) -> None:
        self._stalled()
        frame = sys._current_frames().get(self._loop_thread)
        where = "".join(traceback.format_stack(frame)) if frame else "an unknown place"
        log.warning("the event loop stands still, for %.0f ms by now, at\n%s", since_s * 1000, where)
        while self._beaten_at == last:
            if self._over.wait(BEAT_S):
                return
        log.warning("the event loop went on after %.0f ms", (self._beaten_at - last) * 1000)

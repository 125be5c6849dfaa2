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
BEAT_S = 0.1


class LoopWatchdog:
    """A context, entered on the loop's own thread: a loop that did nothing for 200 to 300 ms has its stack logged.

    A stall is told once while it lasts (`stalled`), and its length when it is over. A stack has code in it, no values.
    """

    def __init__(self, clock: Clock, stalled: Callable[[], None]) -> None:
        self._clock = clock
        self._stalled = stalled
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._loop_thread = 0
        self._next: asyncio.TimerHandle
        self._beat_s = 0.0

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
        self._beat_s = self._clock.now()
        self._next = self._loop.call_later(BEAT_S, self._beat)

    def _watch(self) -> None:
        while not self._over.wait(BEAT_S):
            last_s = self._beat_s
            if self._clock.now() - last_s >= STALL_S:
                self._tell(last_s)

    def _tell(self, last_s: float) -> None:
        self._stalled()
        frame = sys._current_frames().get(self._loop_thread)
        where = "".join(traceback.format_stack(frame)) if frame else "an unknown place"
        log.warning(
            "the event loop stands still, for %.0f ms by now, at\n%s",
            (self._clock.now() - last_s) * 1000,
            where,
        )
        while self._beat_s == last_s:
            if self._over.wait(BEAT_S):
                return
        log.warning("the event loop went on after %.0f ms", (self._beat_s - last_s) * 1000)

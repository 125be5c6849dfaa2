"""Notices from beside it when the event loop stands still, and says where: a thread asks it again and again."""

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
ASK_EVERY_S = 0.05


class LoopWatchdog:
    """A context, entered on the loop's own thread: a loop that has not answered for 200 ms has its stack logged.

    A stall is told once while it lasts (`stalled`), and its length when it is over. A stack has code in it, no values.
    """

    def __init__(self, clock: Clock, stalled: Callable[[], None]) -> None:
        self._clock = clock
        self._stalled = stalled
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._loop_thread = 0

    def __enter__(self) -> LoopWatchdog:
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def _watch(self) -> None:
        last_s = self._clock.now()
        while not self._over.wait(ASK_EVERY_S):
            answered = threading.Event()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:
                return  # the loop is closed
            # it may have stood still since just after its last answer
            if not answered.wait(STALL_S - ASK_EVERY_S):
                self._tell(last_s, answered)
            last_s = self._clock.now()

    def _tell(self, last_s: float, answered: threading.Event) -> None:
        self._stalled()
        frame = sys._current_frames().get(self._loop_thread)
        where = "".join(traceback.format_stack(frame)) if frame else "an unknown place"
        log.warning("the event loop stands still, for %.0f ms by now, at\n%s", self._since_ms(last_s), where)
        while not answered.wait(STALL_S) and not self._over.is_set():
            pass
        log.warning("the event loop went on after %.0f ms", self._since_ms(last_s))

    def _since_ms(self, moment_s: float) -> float:
        return (self._clock.now() - moment_s) * 1000

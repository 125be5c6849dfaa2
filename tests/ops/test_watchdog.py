from __future__ import annotations

import asyncio
import logging
import re
import time

import pytest

from app.clock import ManualClock, SystemClock
from app.ops.watchdog import STALL_S, LoopWatchdog


def stand_still(seconds: float) -> None:
    time.sleep(seconds)


class Telling(logging.Handler):
    """Sets `over` when the log says that the loop went on."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.over = asyncio.Event()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        if "went on" in self.messages[-1]:
            self.loop.call_soon_threadsafe(self.over.set)


@pytest.mark.real_time
async def test_a_loop_that_stands_still_is_caught_in_the_act() -> None:
    stalls: list[str] = []
    telling, log = Telling(), logging.getLogger("callrelay.ops")
    log.addHandler(telling)
    with LoopWatchdog(SystemClock(), lambda: stalls.append("")):
        stand_still(0.25)
        async with asyncio.timeout(10):
            await telling.over.wait()
    log.removeHandler(telling)
    assert stalls
    assert "stand_still(0.25)" in telling.messages[0]
    length = re.fullmatch("the event loop went on after ([0-9]+) ms", telling.messages[-1])
    assert length
    assert 200 <= int(length[1]) < 10_000


@pytest.mark.real_time
async def test_a_loop_that_goes_on_is_not_told_of() -> None:
    """By a clock that stands still nothing is ever overdue, however busy the machine is."""
    stalls: list[str] = []
    with LoopWatchdog(ManualClock(), lambda: stalls.append("")):
        await asyncio.sleep(2.5 * STALL_S)
    assert not stalls

"""One beat of 20 ms for any number of calls, on wall time and without drift."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.clock import Clock
from app.simulator.stream import FRAME_S

Tick = Callable[[float], None]


class Ticker:
    """Calls everybody who registered, every 20 ms, with the time. `run` is a task of the owner's task group.

    `late_s` is the most that a beat was late: what was played and heard then was as late.
    Several tickers started a few milliseconds apart spread the load of many calls as real ones do.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ticks: dict[int, Tick] = {}
        self._wanted = asyncio.Event()
        self._number = 0
        self.late_s = 0.0

    def register(self, tick: Tick) -> Callable[[], None]:
        """Call `tick` from now on; returns what ends it."""
        self._number += 1
        number = self._number
        self._ticks[number] = tick
        self._wanted.set()
        return lambda: self._unregister(number)

    async def run(self) -> None:
        """Beat for ever; rests while nobody is registered."""
        beat = self._clock.now()
        while True:
            if not self._ticks:
                self._wanted.clear()
                await self._wanted.wait()
                beat = max(beat, self._clock.now())
            now = self._clock.now()
            self.late_s = max(self.late_s, now - beat)
            for tick in list(self._ticks.values()):
                tick(now)
            beat += FRAME_S * max(1, int((now - beat) / FRAME_S) + 1)
            await asyncio.sleep(max(0.0, beat - self._clock.now()))

    def _unregister(self, number: int) -> None:
        self._ticks.pop(number, None)

    def __repr__(self) -> str:
        return f"Ticker({len(self._ticks)} calls)"


@asynccontextmanager
async def beating(clock: Clock) -> AsyncIterator[Ticker]:
    """A ticker that beats for as long as the block lasts."""
    ticker = Ticker(clock)
    async with asyncio.TaskGroup() as group:
        beat = group.create_task(ticker.run())
        try:
            yield ticker
        finally:
            beat.cancel()

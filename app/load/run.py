"""Placing the calls of a run, and asking the server meanwhile how it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from app.clock import Clock, SystemClock
from app.load.calls import only_new_objects, place_all
from app.load.figures import Asked, Run, Vitals
from app.ops.meters import Meters
from app.simulator.call import CallPlan

ASK_EVERY_S = 2.0
NOTHING_KNOWN = Vitals(None, None, None, {})


@dataclass(slots=True)
class Watch:
    """A server's own account of itself. One without a /health of ours says nothing."""

    http: httpx.AsyncClient
    url: str
    busiest: Vitals = field(default=NOTHING_KNOWN)
    course: list[tuple[float, Vitals]] = field(default_factory=list)

    async def ask(self) -> Vitals:
        try:
            return Vitals.of((await self.http.get(f"{self.url}/health")).json())
        except (httpx.HTTPError, ValueError):
            return NOTHING_KNOWN

    async def run(self, clock: Clock) -> None:
        """For ever: remember how it was, and when it was at its biggest."""
        began = clock.now()
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            now = await self.ask()
            self.course.append((clock.now() - began, now))
            if (now.rss_mb or 0.0) >= (self.busiest.rss_mb or 0.0):
                self.busiest = now


async def hold(asked: Asked, listening: str, plans: Sequence[CallPlan], over: Callable[[int], None]) -> Run:
    """Place every call of `plans`; `listening` is where the server's /health is."""
    clock = SystemClock()
    meters = Meters(clock)
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.TaskGroup() as group:
        watch = Watch(http, listening)
        with only_new_objects():
            before, wall = await watch.ask(), clock.wall()
            watch.busiest = before
            began, cpu_s = clock.now(), time.process_time()
            watches = [group.create_task(watch.run(clock)), group.create_task(meters.watch_loop())]
            placed = await place_all(plans, asked.at_once, over)
            seconds, client_cpu_s = clock.now() - began, time.process_time() - cpu_s
            for one in watches:
                one.cancel()
            after = await watch.ask()
    lag_ms = meters.loop_lag_p95_ms
    course = [(0.0, before), *watch.course, (seconds, after)]
    return Run(asked, wall, placed, seconds, client_cpu_s, lag_ms, before, watch.busiest, after, course)

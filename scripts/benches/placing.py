"""Calls placed on a server process, and what that process holds before, meanwhile and afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.clock import SystemClock
from app.load.calls import Through, as_it_is
from app.ops.meters import Meters
from app.simulator.call import CallPlan
from scripts.benches.calls import Placed, place_all, progress
from scripts.benches.growth import Growth
from scripts.benches.report import Report
from scripts.benches.server import Resources, ServerProcess, until

SAMPLE_EVERY = 10
SHOWN_EVERY = 50
SETTLED_S = 10.0


@dataclass(slots=True)
class Watch:
    """The server's memory as calls end."""

    server: ServerProcess
    growth: Growth

    def sample(self, done: int) -> None:
        if done % SAMPLE_EVERY == 0:
            self.growth.rss_bytes[done] = self.server.resources.rss_bytes


@dataclass(frozen=True, slots=True)
class State:
    """What the idle server holds."""

    resources: Resources
    tasks: int

    @classmethod
    async def of(cls, server: ServerProcess) -> State:
        resources = server.resources  # before the request, which holds a descriptor itself
        health = (await server.get("/health")).json()
        return cls(resources, health["loop"]["tasks"])

    @property
    def held(self) -> dict[str, int]:
        return {
            "threads": self.resources.threads,
            "descriptors": self.resources.descriptors,
            "tasks": self.tasks,
        }


@dataclass(frozen=True, slots=True)
class Run:
    """What the callers' side knows of the run."""

    placed: Sequence[Placed]
    wall_s: float
    cpu_s: float
    server_cpu_s: float
    lag_p95_ms: float | None


async def place(plans: Sequence[CallPlan], at_once: int, watch: Watch, through: Through = as_it_is) -> Run:
    """Place all, `at_once` at a time, and see them to their ends."""
    meters, tell = Meters(SystemClock()), progress(len(plans), SHOWN_EVERY)

    def over(done: int) -> None:
        watch.sample(done)
        tell(done)

    began, cpu, server_cpu = time.monotonic(), time.process_time(), watch.server.resources.cpu_s
    async with asyncio.TaskGroup() as group:
        lag = group.create_task(meters.watch_loop())
        placed = await place_all(plans, at_once, over, through)
        lag.cancel()
    return Run(
        placed,
        time.monotonic() - began,
        time.process_time() - cpu,
        watch.server.resources.cpu_s - server_cpu,
        meters.loop_lag_p95_ms,
    )


async def settled(server: ServerProcess, before: State, within_s: float = SETTLED_S) -> State:
    """What the server holds once that is what it held before; or what it holds when the time is up."""

    async def is_settled() -> bool:
        return (await State.of(server)).held == before.held

    try:
        await until(is_settled, within_s, "the server is as it was")
    except TimeoutError:
        return await State.of(server)
    return await State.of(server)


def describe_server(report: Report, before: State, after: State, run: Run) -> None:
    """What it took of the machine, and that it gave it back."""
    frames = sum(call.report.frames for call in run.placed)
    figures: dict[str, Any] = {
        "seconds": round(run.wall_s, 1),
        "server_cpu_share": round(run.server_cpu_s / run.wall_s, 3),
        "us_per_frame": round(run.server_cpu_s / frames * 1e6, 1),
        "client_cpu_share": round(run.cpu_s / run.wall_s, 3),
        "client_lag_p95_ms": None if run.lag_p95_ms is None else round(run.lag_p95_ms, 1),
        "held_before": before.held,
        "held_after": after.held,
    }
    report.figures["server"] = figures
    report.lines += [
        f"{what:<28}{value if value is not None else '–'!s:>8}" for what, value in figures.items()
    ]
    report.promise("threads, descriptors and tasks are as before", before.held == after.held)


def describe_log(report: Report, log: str) -> None:
    """That there is no error in it."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    errors = [line["message"] for line in lines if line["level"] == "error"]
    report.figures["server_errors"] = errors[:10]
    report.promise(f"no error in the server's log: {len(errors)}", not errors)

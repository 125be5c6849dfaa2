"""Many calls on one core: the server with scripted speech and embedded voice detection, the callers on another."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from app.clock import SystemClock
from app.ops.meters import Meters
from app.simulator.call import CallPlan
from scripts.benches.calls import ECHO_SERVER, TEXTS, Placed, echo_plan, place_all, progress
from scripts.benches.figures import Slope, Summary
from scripts.benches.report import Report
from scripts.benches.server import Resources, ServerProcess, serving, until
from scripts.benches.voices import spoken

TURNS = 3
SAMPLE_EVERY = 10
SHOWN_EVERY = 50
SETTLED_S = 10.0
GROWTH_MOST_KIB = 1.0
OVERHEAD_P50_MS, OVERHEAD_P99_MS = 2.0, 15.0


@dataclass(slots=True)
class Watch:
    """The server's memory as calls end."""

    server: ServerProcess
    rss_bytes: dict[int, int] = field(default_factory=dict)

    def sample(self, done: int) -> None:
        if done % SAMPLE_EVERY == 0:
            self.rss_bytes[done] = self.server.resources.rss_bytes


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


async def measure(at_once: int, total: int, seed: int) -> Report:
    """Place `total` calls, `at_once` at a time."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    report = Report("load", {"at_once": at_once, "total": total, "turns a call": TURNS, "seed": seed})
    acts = list((await spoken(TEXTS)).values())
    with tempfile.TemporaryDirectory() as directory:
        async with serving(Path(directory), ECHO_SERVER, core=cores[0]) as server:
            await place_all([echo_plan(server.url, acts[:1])], 1)
            before = await State.of(server)
            watch, random = Watch(server, {0: before.resources.rss_bytes}), Random(seed)
            plans = [echo_plan(server.url, random.sample(acts, TURNS)) for _ in range(total)]
            client = await _run(report, plans, at_once, watch)
            after = await _settled(server, before)
            _describe_calls(report, server, client)
            _describe_server(report, before, after, client)
            _describe_memory(report, watch)
            _describe_log(report, server.log)
    return report


@dataclass(frozen=True, slots=True)
class Run:
    """What the callers' side knows of the run."""

    placed: Sequence[Placed]
    wall_s: float
    cpu_s: float
    server_cpu_s: float
    lag_p95_ms: float | None


async def _run(report: Report, plans: Sequence[CallPlan], at_once: int, watch: Watch) -> Run:
    meters, tell = Meters(SystemClock()), progress(len(plans), SHOWN_EVERY)

    def over(done: int) -> None:
        watch.sample(done)
        tell(done)

    began, cpu, server_cpu = time.monotonic(), time.process_time(), watch.server.resources.cpu_s
    async with asyncio.TaskGroup() as group:
        lag = group.create_task(meters.watch_loop())
        placed = await place_all(plans, at_once, over)
        lag.cancel()
    return Run(
        placed,
        time.monotonic() - began,
        time.process_time() - cpu,
        watch.server.resources.cpu_s - server_cpu,
        meters.loop_lag_p95_ms,
    )


async def _settled(server: ServerProcess, before: State) -> State:
    async def is_settled() -> bool:
        return (await State.of(server)).held == before.held

    try:
        await until(is_settled, SETTLED_S, "the server is as it was")
    except TimeoutError:
        return await State.of(server)
    return await State.of(server)


def _describe_calls(report: Report, server: ServerProcess, run: Run) -> None:
    reports = [call.report for call in run.placed]
    journals = [server.events(found.call_sid) for found in reports]
    streams = [event for events in journals for event in events if event["event"] == "stream_ended"]
    sent, received = sum(found.frames for found in reports), sum(stream["frames"] for stream in streams)
    turns = [turn for found in reports for turn in found.turns]
    answers = Summary.of([turn.any_audio_ms for turn in turns if turn.any_audio_ms is not None])
    counts = {
        "calls": len(reports),
        "turns": len(turns),
        "turns not answered": len(turns) - answers.count,
        "gaps inside utterances": sum(len(found.gaps) for found in reports),
        "protocol errors": sum(len(found.protocol_errors) for found in reports),
        "errors in journals": sum(event["event"] == "error" for events in journals for event in events),
        "journals not closed once": sum(
            [event["event"] for event in events].count("call_ended") != 1 for events in journals
        ),
        "frames sent": sent,
        "frames lost": sent - received,
    }
    repaired = sum((Counter(stream["repaired"]) for stream in streams), Counter())
    report.figures |= {"counts": counts, "repaired": dict(repaired), "answer_ms": answers.as_json()}
    report.lines += [f"{what:<28}{number:8}" for what, number in counts.items()]
    report.lines.append(f"{'answer by ear, p50 / p95':<28}{answers.p50:8.0f} / {answers.p95:.0f} ms")
    _describe_overhead(report, [event for events in journals for event in events if event["event"] == "turn"])
    for what in ("gaps inside utterances", "protocol errors", "frames lost", "turns not answered"):
        report.promise(f"{what}: {counts[what]}", counts[what] == 0)
    report.promise("every journal is closed once", counts["journals not closed once"] == 0)


def _describe_overhead(report: Report, turns: Sequence[dict[str, Any]]) -> None:
    """The measured waits that are the relay's own."""
    overhead = Summary.of([turn["timeline"]["overhead_ms"] for turn in turns])
    report.figures["overhead_ms"] = overhead.as_json()
    for share, found, most in (
        ("p50", overhead.p50, OVERHEAD_P50_MS),
        ("p99", overhead.p99, OVERHEAD_P99_MS),
    ):
        report.promise(f"overhead a turn {share}: {found:g} ms, at most {most:g}", found <= most)


def _describe_server(report: Report, before: State, after: State, run: Run) -> None:
    frames = report.figures["counts"]["frames sent"]
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


def _describe_memory(report: Report, watch: Watch) -> None:
    points = [(float(done), rss / 1024) for done, rss in watch.rss_bytes.items()]
    settled = [point for point in points if point[0] >= SHOWN_EVERY]
    slope = Slope.of(settled if len(settled) > 2 else points)
    shown = {done: round(rss / 2**20, 1) for done, rss in watch.rss_bytes.items() if done % SHOWN_EVERY == 0}
    report.figures["rss_mib"] = shown
    report.figures["rss_kib_per_call"] = slope.as_json()
    report.table(["calls over", *map(str, shown)], [["RSS, MiB", *shown.values()]])
    report.lines.append(
        f"growth from call {SHOWN_EVERY} on: {slope.estimate:.2f} KiB a call "
        f"(95 %: {slope.low:.2f} to {slope.high:.2f})"
    )
    report.promise(
        f"memory grows by at most {GROWTH_MOST_KIB:g} KiB a call", slope.estimate <= GROWTH_MOST_KIB
    )


def _describe_log(report: Report, log: str) -> None:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    errors = [line["message"] for line in lines if line["level"] == "error"]
    report.figures["server_errors"] = errors[:10]
    report.promise(f"no error in the server's log: {len(errors)}", not errors)

"""What a second worker process costs: CPU time of all processes at equal calls, one worker against two, in pairs.

Server and workers share one core, the callers have another; so that nothing but the work itself can differ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import TypeAlias

from app.simulator.caller import Speak
from scripts.benches.calls import ECHO_SERVER, TEXTS
from scripts.benches.holding import Held, apart, hold
from scripts.benches.report import Report
from scripts.benches.server import BOOT_S, serving, until
from scripts.benches.voices import spoken

RATIO_MOST = 1.1
WORKERS = (1, 2)
HEADINGS = (
    "calls, pair, workers",
    "CPU s",
    "frames",
    "µs a frame",
    "whole µs a frame",
    "answer p50",
    "p95",
    "gaps",
    "faults",
)


Pair: TypeAlias = dict[int, Held]  # by the number of workers


async def measure(loads: Sequence[int], seconds: float, pairs: int, seed: int) -> Report:
    """At each number of calls, `pairs` of runs with one worker and with two, the other way round each time."""
    report = Report("workers", {"calls": [*loads], "seconds": seconds, "pairs": pairs, "seed": seed})
    core, acts = apart(), list((await spoken(TEXTS)).values())
    found: dict[int, list[Pair]] = {calls: [] for calls in sorted(loads)}
    for calls, done in found.items():
        for number in range(pairs):
            order = WORKERS if number % 2 == 0 else WORKERS[::-1]
            done.append(
                {workers: await _run(workers, core, acts, calls, seconds, seed + number) for workers in order}
            )
    _describe(report, found)
    return report


async def _run(workers: int, core: int, acts: Sequence[Speak], calls: int, seconds: float, seed: int) -> Held:
    with tempfile.TemporaryDirectory() as directory:
        variables = ECHO_SERVER | {"WEB_CONCURRENCY": str(workers)}
        async with serving(Path(directory), variables, core) as server:

            async def are_there() -> bool:
                found = (await server.get("/health")).json()
                return workers == 1 or (len(found["workers"]) == workers and found["status"] == "healthy")

            await until(are_there, BOOT_S, f"{workers} workers take calls")
            return await hold(server, acts, calls, seconds, Random(seed))


def whole_us_per_frame(held: Held) -> float:
    """CPU time of the whole calls, from the first to the last's end, by their frames."""
    return held.whole.server_cpu_s / held.frames * 1e6


def _describe(report: Report, found: Mapping[int, Sequence[Pair]]) -> None:
    report.table(
        HEADINGS,
        [
            _row(f"{calls}, {number}, {workers}", pair[workers])
            for calls, pairs in found.items()
            for number, pair in enumerate(pairs, 1)
            for workers in WORKERS
        ],
    )
    for calls, pairs in found.items():
        ratios = [whole_us_per_frame(pair[2]) / whole_us_per_frame(pair[1]) for pair in pairs]
        report.figures[str(calls)] = {
            "ratio": round(median(ratios), 3),
            "ratios": [round(ratio, 3) for ratio in ratios],
            "pairs": [{str(workers): _figures(pair[workers]) for workers in WORKERS} for pair in pairs],
        }
        shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        report.promise(
            f"two workers cost at most {RATIO_MOST:g} times one's CPU time at {calls} calls: "
            f"{median(ratios):.3f} ({shown})",
            median(ratios) <= RATIO_MOST,
        )
    all_held = [held for pairs in found.values() for pair in pairs for held in pair.values()]
    report.promise("no gap, no fault, every turn answered", all(held.sound for held in all_held))


def _figures(held: Held) -> dict[str, float | None]:
    whole = {"cpu_s": round(held.whole.server_cpu_s, 2), "frames": held.frames}
    return held.as_json() | whole | {"whole_us_per_frame": round(whole_us_per_frame(held), 1)}


def _row(name: str, held: Held) -> list[object]:
    p50, p95 = (held.answer.p50, held.answer.p95) if held.answer else (None, None)
    costs = [held.whole.server_cpu_s, held.frames, held.us_per_frame, whole_us_per_frame(held)]
    return [name, *costs, p50, p95, held.gaps, len(held.faults)]

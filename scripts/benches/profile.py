"""Where the server's CPU time goes, by part and by function, while so many calls go on (py-spy: from outside).

Samples are of the threads that hold the interpreter's lock: from outside, a loop that was woken this moment looks as
busy as one at work. What they spend without it (the system's calls, inference) is shared out like the rest of the
thread's time, which the system itself counts.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from app.simulator.call import CallPlan
from scripts.benches.calls import ECHO_SERVER, TEXTS, echo_plan, place_all
from scripts.benches.report import Report
from scripts.benches.server import ServerProcess, serving, waits
from scripts.benches.voices import spoken

TURNS = 8
RAMP_S = 8.0
SAMPLES_PER_S = 200
SHOWN = 15
FRAMES_PER_S = 50
PY_SPY = Path(sys.executable).with_name("py-spy")

# the innermost frame that is in one of these says what a sample was spent on
PARTS = {
    "voice detection": ("providers/local_voice", "providers/local_silero", "providers/dsp"),
    "codec": ("app/carriers/", "msgspec"),
    "listening": ("app/call/listener", "app/audio/", "app/call/hearing", "app/call/floor", "app/dialogue/"),
    "speaking": ("app/call/speaker", "app/call/answer_timing", "providers/scripted"),
    "conversation": ("app/call/conversation", "app/flow/", "app/orchestrator/"),
    "records": ("app/call/journal", "app/call/call_store", "logging/", "app/ops/"),
    "session": ("app/call/session", "app/call/tasks", "app/web/"),
    "event loop and sockets": ("uvicorn/", "websockets/", "starlette/"),
}
OTHER = "the rest"
MAIN_THREAD, UNSEEN = "MainThread", "(not seen)"
# a stack, the outermost first, and the seconds of CPU time that were spent in it
Spent: TypeAlias = tuple[Sequence[str], float]


async def measure(loads: Sequence[int], seconds: float, seed: int) -> Report:
    """Profile for `seconds` at each number of calls at once."""
    if not PY_SPY.exists():
        raise FileNotFoundError(f"{PY_SPY} is not there; install what `pip install -e .[dev]` does")
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    report = Report("profile", {"calls": list(loads), "seconds": seconds, "seed": seed})
    acts, random = list((await spoken(TEXTS)).values()), Random(seed)
    for calls in loads:
        with tempfile.TemporaryDirectory() as directory:
            async with serving(Path(directory), ECHO_SERVER, core=cores[0]) as server:
                plans = [echo_plan(server.url, random.sample(acts, 3) * TURNS) for _ in range(calls)]
                report.figures[str(calls)] = await _at(server, plans, seconds)
    _describe(report)
    return report


async def _at(server: ServerProcess, plans: Sequence[CallPlan], seconds: float) -> dict[str, Any]:
    pid = server.process.pid
    async with asyncio.TaskGroup() as group:
        placing = group.create_task(place_all(plans, len(plans)))
        await asyncio.sleep(RAMP_S)
        began, before, waits_before = time.monotonic(), server.resources, waits(pid)
        lines = await _sampled(pid, seconds)
        after, waits_after, wall_s = server.resources, waits(pid), time.monotonic() - began
        placing.cancel()
    frames = len(plans) * FRAMES_PER_S * wall_s
    cpu_s, loop_s = after.cpu_s - before.cpu_s, after.main_thread_cpu_s - before.main_thread_cpu_s
    spent = list(_spent(lines, loop_s, cpu_s - loop_s))
    parts, functions = _by(spent, _part), _by(spent, _function)
    return {
        "us_per_frame": round(cpu_s / frames * 1e6, 1),
        "loop_us_per_frame": round(loop_s / frames * 1e6, 1),
        "waits_per_frame": round((waits_after - waits_before) / frames, 3),
        "us_per_frame_by_part": {part: round(s / frames * 1e6, 1) for part, s in parts},
        "functions": {name: round(s / cpu_s, 3) for name, s in functions[:SHOWN]},
    }


def _describe(report: Report) -> None:
    found = report.figures
    parts = dict.fromkeys(part for one in found.values() for part in one["us_per_frame_by_part"])
    rows = {
        "threads wait, times a frame": [one["waits_per_frame"] for one in found.values()],
        "all": [one["us_per_frame"] for one in found.values()],
        "of it, the loop's thread": [one["loop_us_per_frame"] for one in found.values()],
        **{part: [one["us_per_frame_by_part"].get(part) for one in found.values()] for part in parts},
    }
    report.table(
        ["µs a frame", *(f"{calls} calls" for calls in found)], [[name, *row] for name, row in rows.items()]
    )
    for calls, one in found.items():
        report.table(
            [f"function, at {calls} calls", "share"],
            [[name, f"{share:.1%}"] for name, share in one["functions"].items()],
        )


async def _sampled(pid: int, seconds: float) -> list[str]:
    """Stacks that held the lock, one a line with their count: `outermost;…;innermost 12`."""
    with tempfile.NamedTemporaryFile() as raw:
        recording = await asyncio.create_subprocess_exec(
            *(PY_SPY, "record", "--pid", str(pid), "--format", "raw", "--output", raw.name),
            *("--rate", str(SAMPLES_PER_S), "--duration", f"{seconds:.0f}"),
            *("--threads", "--gil", "--nonblocking"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await recording.communicate()
        lines = raw.read().decode().splitlines()
    if not lines:
        raise RuntimeError(f"py-spy saw nothing: {told.decode().strip()[-300:]}; it needs the right to trace")
    return lines


def _spent(lines: Sequence[str], loop_s: float, others_s: float) -> Iterator[Spent]:
    """What the loop's thread used, and what all others did, shared out among the stacks that each was seen in."""
    stacks = [(stack.split(";"), int(count)) for stack, _, count in (line.rpartition(" ") for line in lines)]
    for main, seconds in ((True, loop_s), (False, others_s)):
        mine = [(frames, count) for frames, count in stacks if (MAIN_THREAD in frames[0]) == main]
        seen = sum(count for _, count in mine)
        yield from ((frames, seconds * count / seen) for frames, count in mine)
        if not seen:
            yield [UNSEEN], seconds


def _by(spent: Iterable[Spent], key: Callable[[Sequence[str]], str]) -> list[tuple[str, float]]:
    """Seconds by key, the most first."""
    found: defaultdict[str, float] = defaultdict(float)
    for frames, seconds in spent:
        found[key(frames)] += seconds
    return sorted(found.items(), key=itemgetter(1), reverse=True)


def _function(frames: Sequence[str]) -> str:
    return frames[-1].rpartition(":")[0] or frames[-1]


def _part(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for part, places in PARTS.items():
            if any(place in frame for place in places):
                return part
    return OTHER

"""Where the server's CPU time goes, by part and by function, while so many calls go on (py-spy: from outside)."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from app.simulator.caller import Speak
from scripts.benches.calls import ECHO_SERVER, TEXTS, echo_plan, place_all
from scripts.benches.report import Report
from scripts.benches.server import ServerProcess, serving
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
    "sockets": ("uvicorn/", "websockets/", "starlette/"),
}
OTHER = "event loop and the rest"
# threads that wait for work, which look busy from outside: they wait in C
WAITING = ("_worker (concurrent/futures/", "wait (threading.py", "_receive (providers/local_voice_thread")


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
                await _at(
                    report, server, calls, seconds, [random.sample(acts, 3) * TURNS for _ in range(calls)]
                )
    return report


async def _at(
    report: Report, server: ServerProcess, calls: int, seconds: float, acts: Sequence[Sequence[Speak]]
) -> None:
    plans = [echo_plan(server.url, each) for each in acts]
    async with asyncio.TaskGroup() as group:
        placing = group.create_task(place_all(plans, calls))
        await asyncio.sleep(RAMP_S)
        began, cpu_s = time.monotonic(), server.resources.cpu_s
        lines = await _sampled(server.process.pid, seconds)
        spent_s, wall_s = server.resources.cpu_s - cpu_s, time.monotonic() - began
        placing.cancel()
    parts, functions = _sorted(lines)
    total = parts.total() or 1
    a_frame = spent_s / (calls * FRAMES_PER_S * wall_s) * 1e6
    found: dict[str, Any] = {
        "cpu_share": round(spent_s / wall_s, 3),
        "us_per_frame": round(a_frame, 1),
        "us_per_frame_by_part": {part: round(a_frame * n / total, 1) for part, n in parts.most_common()},
        "functions": {name: round(n / total, 3) for name, n in functions.most_common(SHOWN)},
    }
    report.figures[str(calls)] = found
    report.lines += ["", f"{calls} calls: {found['cpu_share']:.0%} of a core, {a_frame:.0f} µs a frame"]
    report.table(["part", "µs a frame"], list(found["us_per_frame_by_part"].items()))
    report.table(
        ["function", "share"], [[name, f"{share:.1%}"] for name, share in found["functions"].items()]
    )


async def _sampled(pid: int, seconds: float) -> list[str]:
    """Stacks that were on a core, one a line with their count: `outermost;…;innermost 12`."""
    with tempfile.NamedTemporaryFile() as raw:
        recording = await asyncio.create_subprocess_exec(
            *(PY_SPY, "record", "--pid", str(pid), "--format", "raw", "--output", raw.name),
            *("--rate", str(SAMPLES_PER_S), "--duration", f"{seconds:.0f}", "--threads"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await recording.communicate()
        lines = raw.read().decode().splitlines()
    if not lines:
        raise RuntimeError(f"py-spy saw nothing: {told.decode().strip()[-300:]}; it needs the right to trace")
    return lines


def _sorted(lines: Sequence[str]) -> tuple[Counter[str], Counter[str]]:
    """Samples by part, and by innermost function."""
    parts, functions = Counter[str](), Counter[str]()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if any(place in frames[-1] for place in WAITING):
            continue
        parts[_part(frames)] += int(count)
        functions[frames[-1].rpartition(":")[0] or frames[-1]] += int(count)
    return parts, functions


def _part(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for part, places in PARTS.items():
            if any(place in frame for place in places):
                return part
    return OTHER

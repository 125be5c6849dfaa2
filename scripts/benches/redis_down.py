"""How soon callers are answered while Redis is up, after it was killed in mid-run, and while it hangs.

A real server, real sockets, and a server that speaks Redis' protocol behind a line that can hang. Callers press keys in
a flow of more fixed prompts than the server may keep, so that it asks Redis for the next ones all the time. Half of the
calls are over when Redis breaks; the turns after that moment are compared, and in the run without a break likewise.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final, Literal

from app.clock import SystemClock
from app.simulator.call import CallPlan
from app.simulator.caller import Patience
from app.simulator.steps import Press
from app.simulator.turns import Turn
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from scripts.benches.calls import Placed, place_all, progress
from scripts.benches.figures import Summary
from scripts.benches.report import Report
from scripts.benches.server import serving
from tests.orchestrator.redis_server import FaultProxy, redis_server

Break = Literal["none", "killed", "hung"]
BREAKS: Final[tuple[Break, ...]] = ("none", "killed", "hung")

TURNS_A_CALL = 6
LATER_MOST_MS = 5.0
PROMPTS, KEPT = 12, 5
FLOW = "\n".join(
    [
        "flow: ring\nformat: 1\nlanguages: [en]\nstart: n0\nintents: {next: {phrases: [next]}}\nnodes:",
        *(
            f'  n{number}: {{menu: "This is number {number}.", choices: '
            f"[{{intent: next, press: 1, goto: n{(number + 1) % PROMPTS}}}]}}"
            for number in range(PROMPTS)
        ),
    ]
)


@dataclass(slots=True)
class Run:
    """The calls of one run; Redis broke at a moment, and the server says how it is in the end."""

    placed: Sequence[Placed] = ()
    broke_at: datetime | None = None
    shared: str = ""
    faults: list[str] = field(default_factory=list)

    def turns(self) -> list[Turn]:
        """Those that callers ended after the moment."""
        assert self.broke_at
        return [
            turn
            for call in self.placed
            for turn in call.report.turns
            if turn.t0_s is not None and call.report.began_at + timedelta(seconds=turn.t0_s) > self.broke_at
        ]


async def measure(count: int, at_once: int, seed: int) -> Report:
    """At least so many turns after each break, or a few less where calls end meanwhile."""
    report = Report("redis-down", {"turns": count, "at_once": at_once, "seed": seed})
    runs = {how: await run(how, count, at_once, seed) for how in BREAKS}
    _describe(report, runs)
    return report


async def run(how: Break, count: int, at_once: int, seed: int) -> Run:
    """Half of the calls before the break, and half after it."""
    with tempfile.TemporaryDirectory() as directory:
        folder, found = Path(directory), Run()
        (folder / "ring.yaml").write_text(FLOW, "utf-8")
        async with AsyncExitStack() as redis:
            proxy = FaultProxy(await redis.enter_async_context(redis_server(folder)))
            async with proxy.listening() as port, serving(folder, _variables(folder, port)) as server:
                plans = _plans(server.url, 2 * -(-count // TURNS_A_CALL), Random(seed))
                half = asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    group.create_task(_break(how, half, redis, proxy, found))
                    told = progress(len(plans), at_once)

                    def over(done: int) -> None:
                        told(done)
                        if done >= len(plans) // 2:
                            half.set()

                    found.placed = await place_all(plans, at_once, over)
                found.shared = (await server.get("/cache")).json()["shared"]
    found.faults = [fault for call in found.placed for fault in call.report.faults()]
    return found


async def _break(
    how: Break, half: asyncio.Event, redis: AsyncExitStack, proxy: FaultProxy, found: Run
) -> None:
    await half.wait()
    if how == "killed":
        await redis.aclose()
    elif how == "hung":
        proxy.manner = "hang"
    found.broke_at = SystemClock().wall()


def _variables(folder: Path, port: int) -> dict[str, str]:
    return {
        "SPEECH_CHAIN": "scripted",
        "FLOWS_DIR": str(folder),
        "DEFAULT_FLOW": "ring",
        "REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "CACHE_MAX_ENTRIES": str(KEPT),
    }


def _plans(url: str, calls: int, draw: Random) -> list[CallPlan]:
    return [
        CallPlan(
            f"{url}/voice/incoming?flow=ring",
            Signer(Route(url)),
            [Press("1")] * TURNS_A_CALL,
            CallIdentity(call_sid=new_sid("CA")),
            patience=Patience(pause_ms=draw.uniform(300, 900)),
            record=False,
        )
        for _ in range(calls)
    ]


def _describe(report: Report, runs: Mapping[Break, Run]) -> None:
    found = {
        how: Summary.of([turn.any_audio_ms for turn in one.turns() if turn.any_audio_ms is not None])
        for how, one in runs.items()
    }
    report.table(
        ["Redis; key to answer audio, ms", "turns", "p50", "95 % of it", "p95", "p99", "max"],
        [
            [how, s.count, s.p50, f"{s.p50_low:.1f}–{s.p50_high:.1f}", s.p95, s.p99, s.max]
            for how, s in found.items()
        ],
    )
    report.figures = {how: s.as_json() | {"shared": runs[how].shared} for how, s in found.items()}
    for how in BREAKS[1:]:
        later_ms = found[how].p95 - found["none"].p95
        report.promise(
            f"{how}: p95 changes by {later_ms:+.1f} ms, at most {LATER_MOST_MS:.0f} ms",
            later_ms <= LATER_MOST_MS,
        )
        report.promise(f"{how}: the server has noticed ({runs[how].shared})", "given up" in runs[how].shared)
    faults = [fault for one in runs.values() for fault in one.faults]
    unanswered = sum(turn.any_audio_ms is None for one in runs.values() for turn in one.turns())
    report.promise(
        f"no fault ({', '.join(faults) or 'none'}), every turn answered ({unanswered})",
        not faults and not unanswered,
    )

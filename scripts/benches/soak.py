"""Thousands of calls in memory and virtual time, with faults: whatever each leaves behind would show.

Callers and server share one process, and so does what is measured: a caller who leaves something behind shows, too.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from app.call.journal import path_of, read
from app.call.state_file import NAME
from app.clock import ManualClock, run_virtual
from app.load.calls import only_new_objects
from app.main import Relay
from app.ops.call_book import PAST_KEPT
from app.orchestrator.answer_cache import ANSWERS_MAX
from app.orchestrator.failover import FailoverModel
from app.orchestrator.preparing import AT_ONCE
from app.settings import Settings
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import SimulatedCall
from app.simulator.ticker import Ticker, beating
from scripts.benches.calls import progress
from scripts.benches.growth import GROWTH_MOST_KIB, Growth
from scripts.benches.leftovers import Growers, Holdings
from scripts.benches.report import Report
from scripts.benches.server import Resources
from scripts.benches.soak_calls import AUTH_TOKEN, FLOW, FLOWS, SoakCall
from scripts.benches.soak_outcome import WRONG_SHOWN, Outcome
from scripts.benches.soak_services import Fate, Shop
from scripts.benches.troubles import TroubledCarriage

URL = "http://127.0.0.1:8000"
SERVICE = "https://service.example"
# what is made once and kept (caches that fill up, books of the last calls) is there after so many calls
WARM_CALLS = 1000
# memory is taken from the system by the mebibyte: fewer calls tell nothing of its growth
TELLING_CALLS = 3000
SAMPLES = 100
SAMPLE_EVERY_LEAST = 50
# a call whose line was lost waits for another a while; one whose stream never came, for a minute
CLOSED_AFTER_S = 3.0
AFTERWARDS_S = 120.0
CACHED = 50
TRACED_CALLS = 300
ALERTS = "callrelay.alerts"
# kept on purpose, and never more of them than that
BOUNDED = {
    "app.ops.call_view.CallView": PAST_KEPT,
    "app.orchestrator.answer_cache.Answer": ANSWERS_MAX,
    "app.orchestrator.speech_cache.Kept": CACHED,
    # the last words that were prepared
    "app.orchestrator.preparing.Wish": AT_ONCE,
    "providers.base.Voice": AT_ONCE,
    # a language's own, once they are needed
    "app.flow.phrases.PhraseSet": 50,
}


@dataclass(slots=True)
class Soak:
    """What came of the calls; `grew` says where memory was taken."""

    growth: Growth
    outcome: Outcome = field(default_factory=Outcome)
    grew: list[str] = field(default_factory=list)


def measure(total: int, at_once: int, share: float, seed: int) -> Report:
    """Hold `total` calls, `at_once` at a time; a `share` of them, and of what is asked of services, goes wrong."""
    report = Report("soak", {"calls": total, "at_once": at_once, "faults": share, "seed": seed})
    clock, soak = ManualClock(), Soak(Growth(min(WARM_CALLS, total // 2)))
    fate = Fate(clock, Random(seed), share)
    with tempfile.TemporaryDirectory() as directory, _errors() as errors, only_new_objects():
        before, after = run_virtual(_hold(soak, total, at_once, clock, fate, Path(directory)), clock)
    soak.outcome.describe(report)
    _describe_rest(report, before, after)
    if total >= TELLING_CALLS:
        soak.growth.describe(report)
    report.lines += soak.grew
    report.figures["grew"] = soak.grew
    report.lines += errors[:WRONG_SHOWN]
    report.figures["errors"] = errors[:WRONG_SHOWN]
    report.promise(f"errors in the log: {len(errors)}", not errors)
    return report


async def _hold(
    soak: Soak, total: int, at_once: int, clock: ManualClock, fate: Fate, data_dir: Path
) -> tuple[Holdings, Holdings]:
    """What is held after the warm calls, and after all."""
    settings = Settings(
        flows_dir=FLOWS,
        default_flow=FLOW,
        data_dir=data_dir,
        cache_max_entries=CACHED,
        record_calls=True,
        twilio_auth_token=AUTH_TOKEN,
    )
    environment, minds = {"SERVICE": SERVICE}, fate.minds()
    model = FailoverModel(minds, clock)
    relay = Relay(settings, clock, fate.speech(), environment, Shop(fate), model, fate.beside)

    def held() -> Holdings:
        for mind in minds:
            mind.requests.clear()
        return _held(relay, data_dir)

    async with AsgiCarriage(relay.app) as carriage, beating(clock) as ticker:
        lines = _Lines(soak, carriage, ticker, clock, fate, data_dir, total)
        await lines.hold(soak.growth.warm_calls, at_once)
        before = held()
        await lines.hold(total - soak.growth.warm_calls, at_once)
        after = held()
        slope = soak.growth.slope_kib if total >= TELLING_CALLS else None
        if slope and slope.estimate > GROWTH_MOST_KIB:
            soak.growth, growth = Growth(0), soak.growth  # to be traced takes memory, too
            growers = Growers()
            await lines.hold(TRACED_CALLS, at_once)
            soak.grew += growers.since(TRACED_CALLS)
            soak.growth = growth
    return before, after


class _Lines:
    """Places calls, on each line one after the other."""

    def __init__(
        self,
        soak: Soak,
        carriage: AsgiCarriage,
        ticker: Ticker,
        clock: ManualClock,
        fate: Fate,
        data_dir: Path,
        total: int,
    ) -> None:
        self._soak = soak
        self._carriage = carriage
        self._ticker = ticker
        self._clock = clock
        self._fate = fate
        self._data_dir = data_dir
        self._over = 0
        self._tell = progress(total, max(1, total // 20))
        self._sample_every = max(SAMPLE_EVERY_LEAST, total // SAMPLES)
        self._pending: list[str] = []

    async def hold(self, calls: int, at_once: int) -> None:
        """Place so many, and wait until nothing of them can be left."""
        waiting = iter(range(calls))

        async def line() -> None:
            for _ in waiting:
                await self._call()

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(line())
        await asyncio.sleep(AFTERWARDS_S)
        for sid in self._pending:
            if not self._closed(sid):
                self._soak.outcome.unclosed.append(f"{sid}: {self._events(sid)[-3:]}")
        self._pending.clear()

    async def _call(self) -> None:
        drawn = SoakCall.drawn(self._fate.random, self._fate.share, URL)
        carriage = TroubledCarriage(self._carriage, drawn.trouble)
        report = await SimulatedCall(drawn.plan, carriage, self._ticker, self._clock).run()
        self._soak.outcome.over(drawn.wrong, report)
        await asyncio.sleep(CLOSED_AFTER_S)
        if not self._closed(report.call_sid):
            self._pending.append(report.call_sid)
        self._sample()

    def _sample(self) -> None:
        self._over += 1
        self._tell(self._over)
        if self._over % self._sample_every == 0:
            gc.collect()
            self._soak.growth.rss_bytes[self._over] = Resources.of(os.getpid()).rss_bytes

    def _closed(self, sid: str) -> bool:
        """Whether its record is closed, once; then it and the call's recordings are not needed any more."""
        events = self._events(sid)
        if events.count("call_ended") != 1 or events[-1] != "call_ended":
            return False
        self._soak.outcome.events.update(events)
        for path in self._data_dir.glob(
            "*/*"
        ):  # a pattern with the call in it would be compiled, and kept, each time
            if path.name.startswith(sid):
                path.unlink()
        return True

    def _events(self, sid: str) -> list[str]:
        path = path_of(self._data_dir, sid)
        return [event["event"] for event in read(path)] if path.exists() else []


def _held(relay: Relay, data_dir: Path) -> Holdings:
    with closing(sqlite3.connect(data_dir / NAME)) as database:
        ((rows,),) = database.execute("SELECT count(*) FROM calls").fetchall()
    files = sum(path.is_file() for path in data_dir.rglob("*"))
    return Holdings.now(calls=len(relay.registry), rows=rows, files=files)


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What the server logs as an error, but for alerts of services that are down; the rest of its log goes nowhere."""
    found: list[str] = []

    class _Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name != ALERTS:
                found.append(record.getMessage())

    log, handler = logging.getLogger("callrelay"), _Errors(logging.ERROR)
    log.addHandler(handler)
    log.propagate = False
    try:
        yield found
    finally:
        log.propagate = True
        log.removeHandler(handler)


def _describe_rest(report: Report, before: Holdings, after: Holdings) -> None:
    report.lines.append(f"containers of any kind: {before.containers} before, {after.containers} after")
    report.table(
        ["held", *before.counts], [["before", *before.counts.values()], ["after", *after.counts.values()]]
    )
    grown = after.grown_since(before, BOUNDED)
    kept = {
        name: (before.objects.get(name, 0), after.objects.get(name, 0), most)
        for name, most in BOUNDED.items()
    }
    report.table(
        ["kept on purpose", "before", "after", "at most"], [[name, *counts] for name, counts in kept.items()]
    )
    report.table(["objects, more of", "before", "after"], [[name, *counts] for name, counts in grown.items()])
    report.figures |= {
        "held_before": dict(before.counts),
        "held_after": dict(after.counts),
        "containers": [before.containers, after.containers],
        "objects_grown": grown,
        "objects_kept": kept,
    }
    report.promise(
        "calls, tasks, timers, threads and descriptors are as before", before.counts == after.counts
    )
    report.promise(f"kinds of objects of which there are more than before: {len(grown)}", not grown)

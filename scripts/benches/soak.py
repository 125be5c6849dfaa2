"""Thousands of calls in memory and virtual time, with faults: whatever each leaves behind would show."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

from app.call.journal import path_of, read
from app.call.services import Speech
from app.call.state_file import NAME
from app.clock import ManualClock, run_virtual
from app.main import Relay
from app.settings import Settings
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan, SimulatedCall
from app.simulator.caller import Act, Patience, Speak
from app.simulator.steps import Press, StaySilent
from app.simulator.ticker import Ticker, beating
from app.simulator.turns import CallReport
from app.simulator.utterance import Utterance
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from providers.scripted import ScriptedTranscriber, ScriptedVoiceDetector, hum
from scripts.benches import faults
from scripts.benches.calls import progress
from scripts.benches.figures import Slope
from scripts.benches.report import Report
from scripts.benches.server import ROOT, Resources

URL = "http://127.0.0.1:8000"
# what is made once and kept (the callers' words, a speech cache that is full) is there after so many calls
WARMING_CALLS = 200
SAMPLES = 60
GROWTH_MOST_KIB = 1.0
AFTERWARDS_S = 120.0
CACHED = 50


@dataclass(slots=True)
class Soak:
    """One run. `rss` is memory by calls that are over, in bytes."""

    total: int
    at_once: int
    share: float
    random: Random
    over: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    rss: dict[int, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)


def measure(total: int, at_once: int, share: float, seed: int) -> Report:
    """Hold `total` calls, `at_once` at a time; in a `share` of them something breaks."""
    report = Report("soak", {"calls": total, "at_once": at_once, "faults": share, "seed": seed})
    soak, clock = Soak(total, at_once, share, Random(seed)), ManualClock()
    with tempfile.TemporaryDirectory() as directory:
        run_virtual(_hold(soak, clock, Path(directory)), clock)
    _describe(report, soak)
    return report


async def _hold(soak: Soak, clock: ManualClock, data_dir: Path) -> None:
    settings = Settings(
        flows_dir=ROOT / "flows", default_flow="echo", data_dir=data_dir, cache_max_entries=CACHED
    )
    speech = Speech(
        ScriptedVoiceDetector(),
        ScriptedTranscriber(faults.words(soak.random, soak.share)),
        faults.FailingSynthesizer(share=soak.share, random=soak.random),
    )

    async def inline(work: object) -> bool:
        return False  # flows do not change meanwhile, and threads do not fit into virtual time

    relay = Relay(settings, clock, speech, {}, aside=inline)
    warming = Soak(WARMING_CALLS, soak.at_once, soak.share, soak.random)
    async with AsgiCarriage(relay.app) as carriage, beating(clock) as ticker:
        await _lines(warming, carriage, ticker, clock, data_dir)
        soak.wrong += warming.wrong
        soak.before = _held(relay, data_dir)
        await _lines(soak, carriage, ticker, clock, data_dir)
        await asyncio.sleep(AFTERWARDS_S)
        soak.after = _held(relay, data_dir)


async def _lines(
    soak: Soak, carriage: AsgiCarriage, ticker: Ticker, clock: ManualClock, data_dir: Path
) -> None:
    waiting, tell = iter(range(soak.total)), progress(soak.total, max(1, soak.total // 20))

    async def line() -> None:
        for _ in waiting:
            await _call(soak, carriage, ticker, clock, data_dir)
            soak.over += 1
            if soak.over % max(1, soak.total // SAMPLES) == 0:
                gc.collect()
                soak.rss[soak.over] = Resources.of(os.getpid()).rss_bytes
            tell(soak.over)

    async with asyncio.TaskGroup() as group:
        for _ in range(soak.at_once):
            group.create_task(line())


async def _call(
    soak: Soak, carriage: AsgiCarriage, ticker: Ticker, clock: ManualClock, data_dir: Path
) -> None:
    plan = _plan(soak.random, soak.share)
    report = await SimulatedCall(plan, carriage, ticker, clock).run()
    soak.ended[report.cannot_run or report.ended] += 1
    # a call whose line was lost waits for another a while
    await asyncio.sleep(3)
    _look_at(soak, report, data_dir)


def _look_at(soak: Soak, report: CallReport, data_dir: Path) -> None:
    path = path_of(data_dir, report.call_sid)
    events = [event["event"] for event in read(path)] if path.exists() else []
    path.unlink(missing_ok=True)
    if events.count("call_ended") != 1 or events[-1] != "call_ended":
        soak.wrong.append(f"{report.call_sid}: the journal ends {events[-1:]}, {report.ended}")


def _plan(random: Random, share: float) -> CallPlan:
    flow = random.choice(("echo", "greeting"))
    return CallPlan(
        f"{URL}/voice/incoming?flow={flow}",
        Signer(Route(URL)),
        [_act(random) for _ in range(random.randint(1, 3))],
        CallIdentity(call_sid=new_sid("CA")),
        faults=faults.line(random, share),
        patience=Patience(pause_ms=300, greeting_s=3, answer_s=3, monologue_s=20),
        dial_outcome=random.choice(("answered", "no-answer", "busy")),
        record=False,
    )


def _act(random: Random) -> Act:
    kind = random.random()
    if kind < 0.6:
        return _speaks(random.randrange(40))
    return Press(str(random.randrange(1, 4))) if kind < 0.9 else StaySilent(2.0)


@cache
def _speaks(number: int) -> Speak:
    text = f"words number {number}"
    return Speak(Utterance.of(hum(text)), {"text": text})


def _held(relay: Relay, data_dir: Path) -> dict[str, int]:
    gc.collect()
    with closing(sqlite3.connect(data_dir / NAME)) as database:
        ((rows,),) = database.execute("SELECT count(*) FROM calls").fetchall()
    now = Resources.of(os.getpid())
    return {
        "calls": len(relay.registry),
        "rows": rows,
        "tasks": len(asyncio.all_tasks()),
        "threads": now.threads,
        "descriptors": now.descriptors,
    }


def _describe(report: Report, soak: Soak) -> None:
    slope = Slope.of([(float(done), rss / 1024) for done, rss in soak.rss.items()])
    report.figures |= {
        "ended": dict(soak.ended),
        "held_before": soak.before,
        "held_after": soak.after,
        "rss_mib": {done: round(rss / 2**20, 1) for done, rss in soak.rss.items()},
        "rss_kib_per_call": slope.as_json(),
        "wrong": soak.wrong[:20],
    }
    report.table(["ended", "calls"], [[how, count] for how, count in soak.ended.most_common()])
    report.table(["", *soak.before], [["before", *soak.before.values()], ["after", *soak.after.values()]])
    report.lines.append(
        f"memory: {slope.estimate:.2f} KiB a call (95 %: {slope.low:.2f} to {slope.high:.2f}), the callers' included"
    )
    report.promise("everything is as before", soak.before == soak.after)
    report.promise(f"journals not closed exactly once: {len(soak.wrong)}", not soak.wrong)
    report.promise(
        f"memory grows by at most {GROWTH_MOST_KIB:g} KiB a call", slope.estimate <= GROWTH_MOST_KIB
    )

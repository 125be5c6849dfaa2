"""What callers hear of failing services: the real SDKs against services that fail, and hedging in virtual time.

The times of a fault count from the first observable signal: the cut, the status, the nonsense; where a service just
falls silent, from the end of the patience with it. `switch` is the decision to ask the standby, `asked` the request's
arrival there (SDK and loopback included), `standby` the standby's own time from there to its first word, `gap` all.
"""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import aclosing
from statistics import median

from app.clock import ManualClock, run_virtual
from app.errors import ProviderError
from app.orchestrator.failover import Decision, FailoverModel
from providers.base import Message, ModelRequest
from providers.scripted_model import Reply, ScriptedModel
from scripts.benches import speech_failover
from scripts.benches.figures import Summary
from scripts.benches.report import Report
from tests.providers.fakes.fault_sweep import ROWS, STANDBY_FIRST_S, Heard, chunk_indexes, heard
from tests.providers.model_subjects import SDKS

TIMES = tuple(
    f"{time} {figure}" for time in ("switch", "asked", "standby", "gap") for figure in ("p50", "max")
)
SWITCH_MS, GAP_MS = 20.0, 200.0
P50_MS, P95_MS, Z_95 = 375.0, 1300.0, 1.6449
HEDGED_P95_MS, HEDGED_P99_MS, EXTRA_SHARE = 1220.0, 1600.0, 0.12
TURNS_APART_S = 10.0
QUESTION = ModelRequest("Help.", [Message("caller", "When do you open?")], "en", 50)


def measure(requests: int, seed: int) -> Report:
    """The fault tables, one reply for each chunk, of speech too, and `requests` replies with and without hedging."""
    report = Report(
        "failover", {"requests": requests, "seed": seed, "standby_first_ms": STANDBY_FIRST_S * 1000}
    )
    asyncio.run(_faults(report))
    asyncio.run(speech_failover.measure(report))
    _hedging(report, requests, seed)
    return report


async def _faults(report: Report) -> None:
    found = {
        (row, sdk): [await heard(row, sdk, at) for at in chunk_indexes(row, sdk)]
        for row in ROWS
        for sdk in SDKS
    }
    headings = ["fault", "sdk", "chunks", *TIMES, "lost", "said twice"]
    report.table(headings, [[row, sdk, *_row(replies)] for (row, sdk), replies in found.items()])
    everything = [reply for replies in found.values() for reply in replies]
    report.figures["faults"] = {
        f"{row}/{sdk}": dict(zip(headings[2:], _row(replies), strict=True))
        for (row, sdk), replies in found.items()
    }
    _promise_faults(report, everything)


def _row(replies: list[Heard]) -> list[object]:
    times = [figure for values in _columns(replies) for figure in (median(values), max(values))]
    return [len(replies), *times, sum(reply.lost for reply in replies), sum(reply.twice for reply in replies)]


def _columns(replies: list[Heard]) -> list[list[float]]:
    """Milliseconds to the decision, to the request, of the standby, to the first word, of those that were switched."""
    times = ((reply.switch_ms, reply.asked_ms, reply.standby_ms, reply.gap_ms) for reply in replies)
    return [[value for value in values if value is not None] for values in zip(*times, strict=True)]


def _promise_faults(report: Report, replies: list[Heard]) -> None:
    switched, _asked, _standby, first_words = (Summary.of(values) for values in _columns(replies))
    report.promise(
        f"99 of 100 switched within {SWITCH_MS:.0f} ms ({switched.p99}, longest {switched.max})",
        switched.p99 <= SWITCH_MS,
    )
    report.promise(
        f"99 of 100 gaps up to {GAP_MS:.0f} ms ({first_words.p99}, longest {first_words.max})",
        first_words.p99 <= GAP_MS,
    )
    report.promise("no reply lost", not any(reply.lost for reply in replies))
    report.promise("nothing said twice", not any(reply.twice for reply in replies))


class _Crowd:
    """Replies of a chain of models whose first token takes a log-normal time."""

    def __init__(self, models: int, seed: int) -> None:
        self._chance = random.Random(seed)
        self.clock = ManualClock()
        self._sigma = math.log(P95_MS / P50_MS) / Z_95
        names = ("azure", "openai", "anthropic")[:models]
        self.model = FailoverModel([ScriptedModel(self._reply, name=name) for name in names], self.clock)
        self.first_ms: list[float] = []
        self.started = 0
        self.given_up = 0

    def _reply(self, request: ModelRequest) -> Reply:
        return Reply("All right.", first_ms=self._chance.lognormvariate(math.log(P50_MS), self._sigma))

    async def ask(self, requests: int) -> None:
        await self.model.warm_up()
        for _ in range(requests):
            try:
                async with aclosing(self.model.watched(self._decided).reply(QUESTION)) as events:
                    async for _event in events:
                        pass
            except ProviderError:
                self.given_up += 1
            await asyncio.sleep(TURNS_APART_S)

    def _decided(self, decision: Decision) -> None:
        self.started += decision.what == "started"
        if decision.what in ("answered", "gave_up"):
            self.first_ms.append(decision.after_ms)


def _hedging(report: Report, requests: int, seed: int) -> None:
    """Add the first tokens with and without somebody to hedge with."""
    rows = []
    for name, models in (("alone", 1), ("hedged", 3)):
        crowd = _Crowd(models, seed)
        run_virtual(crowd.ask(requests), crowd.clock)
        found = Summary.of(crowd.first_ms)
        extra = crowd.started / requests - 1
        rows.append([name, found.p50, found.p95, found.p99, found.max, f"{extra:.1%}", crowd.given_up])
        report.figures[name] = {**found.as_json(), "extra_share": round(extra, 4), "given_up": crowd.given_up}
    report.table(["first token", "p50", "p95", "p99", "max", "extra", "given up"], rows)
    hedged = report.figures["hedged"]
    report.promise(f"hedged p95 up to {HEDGED_P95_MS:.0f} ms", hedged["p95"] <= HEDGED_P95_MS)
    report.promise(f"hedged p99 up to {HEDGED_P99_MS:.0f} ms", hedged["p99"] <= HEDGED_P99_MS)
    report.promise(f"at most {EXTRA_SHARE:.0%} more requests", hedged["extra_share"] <= EXTRA_SHARE)

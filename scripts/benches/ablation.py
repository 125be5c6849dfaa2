"""What each feature is worth: the same calls with and without it, in virtual time.

The whole relay, called by the simulator, everything else as it is shipped. The callers' words and pauses and what each
service takes are the same on both sides. Each word is recognised 100 ms after its acoustic end; a model's first token
takes a log-normal time (median 375 ms, 95th percentile 750 ms), every other one 20 ms; an http service takes 300 ms
(600 ms); the first speech of a text comes 100 ms after it. Answers are timed by the caller's ear from the true end of
speech. "One moment." is no answer, and is said in its own row only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from scripts.benches import ablation_flows as flows
from scripts.benches.ablation_side import Side, hold
from scripts.benches.figures import Summary
from scripts.benches.replies import Row
from scripts.benches.report import Report

Says = Callable[[Random], Sequence[flows.Words]]
# by feature: without it, and with it
Compared = Mapping[str, tuple[Sequence[float], Sequence[float]]]

LATER_MOST = 1.02
SIGN_DELAYS_MOST_MS = 100.0


@dataclass(frozen=True, slots=True)
class Feature:
    """`says` is what a caller says in a call; every `each`-th turn of it is measured."""

    name: str
    off: Side
    on: Side
    says: Says
    each: int = 1

    def calls(self, count: int, seed: int) -> list[Sequence[flows.Words]]:
        """With at least so many turns that are measured."""
        draw = Random(seed)
        turns = len(self.says(Random(seed))) // self.each
        return [self.says(draw) for _ in range(math.ceil(count / turns))]

    def measured(self, values_ms: Sequence[float]) -> Sequence[float]:
        """Those of the turns that are measured, of all turns'."""
        return values_ms[self.each - 1 :: self.each]


SHIPPED = Side(flows.TALK)
ACKNOWLEDGEMENT = "acknowledgement"
FEATURES = (
    Feature("prediction cache", Side(flows.BOOKING, cached=False), Side(flows.BOOKING), flows.booked),
    Feature("speculation", replace(SHIPPED, early=0, interim=0), SHIPPED, flows.talked),
    Feature("interim replies", replace(SHIPPED, interim=0), SHIPPED, flows.talked),
    Feature("answer cache", SHIPPED, Side(flows.TALK_REUSED), flows.talked),
    Feature("hedging", Side(flows.TALK, models=2, hedges=False), Side(flows.TALK, models=2), flows.talked),
    Feature("http prefetch", Side(flows.LOOK_UP_LATE), Side(flows.LOOK_UP), flows.looked_up, each=2),
    Feature(ACKNOWLEDGEMENT, SHIPPED, replace(SHIPPED, acknowledges=True), flows.talked),
)


def measure(count: int, seed: int) -> Report:
    """At least `count` turns for each side of each feature."""
    report = Report("ablation", {"turns": count, "seed": seed})
    rows: dict[tuple[Side, Says], Row] = {}
    for feature in FEATURES:
        for side in (feature.off, feature.on):
            if (side, feature.says) not in rows:
                rows[side, feature.says] = hold(side, feature.calls(count, seed), seed)
    both = {one: (rows[one.off, one.says], rows[one.on, one.says]) for one in FEATURES}
    compared = {
        one.name: (one.measured(off.answers_ms), one.measured(on.answers_ms))
        for one, (off, on) in both.items()
    }
    signs = {
        f"{one.name}: any sound": (off.any_ms, on.any_ms)
        for one, (off, on) in both.items()
        if one.name == ACKNOWLEDGEMENT
    }
    _describe(report, "answer audio, ms from true t0", compared | signs)
    asked = [[one.name, off.asked, on.asked] for one, (off, on) in both.items() if off.asked]
    report.table(["replies asked for", "off", "on"], asked)
    _promise(report, compared, list(rows.values()))
    return report


def _describe(report: Report, heading: str, compared: Compared) -> None:
    of_each = ("p50 off", "p50 on", "ratio", "p95 off", "p95 on", "ratio", "p99 off", "p99 on", "sooner p50")
    rows = []
    for name, (off_ms, on_ms) in compared.items():
        off, on = Summary.of(off_ms), Summary.of(on_ms)
        sooner_ms = float(np.median(np.subtract(off_ms, on_ms))) if len(off_ms) == len(on_ms) else None
        p50, p95 = on.p50 / off.p50, on.p95 / off.p95
        shares = [off.p50, on.p50, f"{p50:.2f}", off.p95, on.p95, f"{p95:.2f}", off.p99, on.p99]
        rows.append([name, on.count, *shares, sooner_ms])
        report.figures[name] = {"off": off.as_json(), "on": on.as_json(), "p50_ratio": p50, "p95_ratio": p95}
    report.table([heading, "turns", *of_each], rows)


def _promise(report: Report, compared: Compared, rows: Sequence[Row]) -> None:
    for name, (off_ms, on_ms) in compared.items():
        off, on = Summary.of(off_ms), Summary.of(on_ms)
        if name == ACKNOWLEDGEMENT:
            report.promise(
                f"a sign delays the answer by {on.p95 - off.p95:.0f} ms ≤ {SIGN_DELAYS_MOST_MS:.0f} ms at p95",
                on.p95 - off.p95 <= SIGN_DELAYS_MOST_MS,
            )
        else:
            later = max(on.p50 / off.p50, on.p95 / off.p95)
            report.promise(f"{name}: no later ({later:.2f} ≤ {LATER_MOST})", later <= LATER_MOST)
    for what in ("unanswered", "premature", "wrong", "gaps"):
        times = sum(getattr(row, what) for row in rows)
        report.promise(f"{what}: {times}", not times)

"""What came of a soak's calls, and what of it must hold, on either clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from app.simulator.turns import CallReport
from scripts.benches.report import Report

WRONG_SHOWN = 20
# where one of these never came about, a soak tells nothing of what comes with it
EXPECTED = frozenset(
    ("turn", "dtmf", "slot", "interrupted", "http", "model", "recorded", "call_recorded", "transferred")
)


@dataclass(slots=True)
class Outcome:
    """`spoilt` are errors in calls with which nothing was wrong, `unclosed` records that are not closed just once."""

    ended: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    spoilt: list[str] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)

    def over(self, wrong: str, report: CallReport) -> None:
        """A call has ended; `wrong` is what was made to be."""
        self.ended[report.cannot_run or report.ended] += 1
        if wrong:
            self.faults[wrong] += 1
            return
        errors = [*report.protocol_errors, *filter(None, [report.cannot_run])]
        self.spoilt += [f"{report.call_sid}: {error}" for error in errors]

    def describe(self, report: Report) -> None:
        """Tables and promises."""
        for name, counted in (("ended", self.ended), ("faults", self.faults), ("events", self.events)):
            report.figures[name] = dict(counted)
            report.table([name, "count"], [[what, count] for what, count in counted.most_common()])
        report.figures |= {"wrong": self.unclosed[:WRONG_SHOWN], "spoilt": self.spoilt[:WRONG_SHOWN]}
        report.lines += [*self.unclosed[:WRONG_SHOWN], *self.spoilt[:WRONG_SHOWN]]
        report.promise(f"journals not closed exactly once: {len(self.unclosed)}", not self.unclosed)
        report.promise(f"errors in calls with nothing wrong: {len(self.spoilt)}", not self.spoilt)
        missing = sorted(EXPECTED - self.events.keys())
        report.promise(f"events that never came about: {', '.join(missing) or 'none'}", not missing)

"""How many calls one core holds, and what each costs: callrelay, and beside it a plain echo on uvicorn.

The echo is there twice: on uvicorn as it comes, and on callrelay's WebSocket, which reads frames faster. The one says
what callrelay is held against, the other what all that is not the echo costs.

Each server is pinned to one core, the callers to another, and every number of calls meets a fresh server. The callers'
words are spoken before; the relay's voice and recognition are scripted, its voice detector is the real one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import click

from app.simulator.caller import Speak
from scripts.benches import bare
from scripts.benches.calls import ECHO_SERVER, TEXTS
from scripts.benches.holding import Held, apart, hold
from scripts.benches.report import Report
from scripts.benches.server import CALLRELAY, serving
from scripts.benches.voices import spoken

SERVERS: Final[Mapping[str, Sequence[str]]] = {
    "relay": (*CALLRELAY, "serve"),
    "bare": (sys.executable, "-m", bare.__name__),
    "bare_short_way": (sys.executable, "-m", bare.__name__, bare.SHORT_WAY),
}
# one call has few turns: it is held for longer, since all others are held against it
ALONE_TIMES = 5
STEP = 25
CALLS_MOST = 600
SLOWER_MOST = 1.2
# callers who are busier than that are late themselves
CALLERS_BUSY = 0.85
CALLS_LEAST, BARE_SHARE_LEAST = 200, 0.7
EVEN_AT, EVEN_MOST = (10, 100, 200), 1.15
OVERHEAD_AT, OVERHEAD_P50_MS, OVERHEAD_P99_MS = 200, 2.0, 15.0
COLUMNS = {
    "calls": "calls",
    "µs a frame": "us_per_frame",
    "loop µs": "loop_us_per_frame",
    "MB a call": "mb_per_call",
    "turns": "turns",
    "answer p50": "answer_p50_ms",
    "p95": "answer_p95_ms",
    "× one": "times_alone",
    "overhead p50": "overhead_p50_ms",
    "p99": "overhead_p99_ms",
    "lag p95": "lag_p95_ms",
    "gaps": "gaps",
    "unanswered": "unanswered",
    "faults": "faults",
    "callers": "callers_cpu_share",
    "held": "held",
}


@dataclass(slots=True)
class Run:
    """One server's numbers of calls, and what came of each."""

    levels: dict[int, Held] = field(default_factory=dict)

    def times_alone(self, calls: int) -> float | None:
        """The answer's 95th percentile by that of one call."""
        answer, alone = self.levels[calls].answer, self.levels[min(self.levels)].answer
        return answer.p95 / alone.p95 if answer and alone else None

    def held(self, calls: int) -> bool:
        times = self.times_alone(calls)
        return self.levels[calls].sound and times is not None and times <= SLOWER_MOST

    @property
    def verdicts(self) -> dict[int, bool]:
        return {calls: self.held(calls) for calls in self.levels}

    @property
    def most(self) -> int:
        """The largest number of calls that held, 0 if none did."""
        return max((calls for calls, held in self.verdicts.items() if held), default=0)

    @property
    def may_hold_more(self) -> bool:
        """Whether the search ended for another reason than the server: its callers were busy, or no more is tried."""
        failed = min(
            (calls for calls, held in self.verdicts.items() if not held and calls > self.most), default=None
        )
        if failed is None:
            return self.most + STEP > CALLS_MOST
        return self.levels[failed].busy.callers_share > CALLERS_BUSY

    def next_calls(self, levels: Sequence[int], search: bool) -> int | None:
        """Which number of calls comes next: all of `levels`, then what is searched; None when there is no other."""
        given = next((calls for calls in levels if calls not in self.levels), None)
        return given or (next_try(self.verdicts, STEP) if search else None)


def next_try(verdicts: Mapping[int, bool], step: int) -> int | None:
    """Which number of calls to try next; None when the largest that holds is known to within `step`."""
    most = max((calls for calls, held in verdicts.items() if held), default=0)
    failed = min((calls for calls, held in verdicts.items() if not held and calls > most), default=None)
    if failed is None:
        return most + 2 * step if most + 2 * step <= CALLS_MOST else None
    return most + (failed - most) // 2 if failed - most > step else None


async def measure(levels: Sequence[int], seconds: float, runs: int, search: bool, seed: int) -> Report:
    """`runs` times each of `levels`, and with `search` those that the largest number of calls is found by."""
    options = {"calls": [*levels], "seconds": seconds, "runs": runs, "search": search, "seed": seed}
    report = Report("capacity", options)
    core, random = apart(), Random(seed)
    acts = list((await spoken(TEXTS)).values())
    found: dict[str, list[Run]] = {name: [] for name in SERVERS}
    for _ in range(runs):
        side_by_side = await _side_by_side(core, acts, sorted({1, *levels}), seconds, search, random)
        for name, run in side_by_side.items():
            found[name].append(run)
    for name, done in found.items():
        _describe(report, name, done)
    _promise(report, search)
    return report


async def _side_by_side(
    core: int, acts: Sequence[Speak], levels: Sequence[int], seconds: float, search: bool, random: Random
) -> Mapping[str, Run]:
    """Each server in turn, a number of calls each: a machine that has become slower is so for all of them.

    Where one's search is over, those of the others go on.
    """
    runs = {name: Run() for name in SERVERS}
    while tries := {name: calls for name, run in runs.items() if (calls := run.next_calls(levels, search))}:
        for name, calls in tries.items():
            with tempfile.TemporaryDirectory() as directory:
                async with serving(Path(directory), ECHO_SERVER, core, SERVERS[name]) as server:
                    lasting = seconds * (ALONE_TIMES if calls == 1 else 1)
                    held = runs[name].levels[calls] = await hold(server, acts, calls, lasting, random)
            click.echo(f"{name}, {calls} calls: {held.us_per_frame:.0f} µs a frame", err=True)
    return runs


def _describe(report: Report, name: str, runs: Sequence[Run]) -> None:
    """Medians of all runs; what was tried in one only is that one's."""
    levels = sorted({calls for run in runs for calls in run.levels})
    found = {calls: _level([run for run in runs if calls in run.levels], calls) for calls in levels}
    most = [run.most for run in runs]
    report.figures[name] = {
        "levels": found,
        "most": median(most),
        "most_by_run": most,
        "may_hold_more_by_run": [run.may_hold_more for run in runs],
    }
    report.lines += ["", f"{name}: holds {median(most):g} calls ({', '.join(map(str, most))})"]
    report.table(list(COLUMNS), [_row(level) for level in found.values()])
    for calls, level in found.items():
        if not level["held"] and (level["callers_cpu_share"] or 0.0) > CALLERS_BUSY:
            report.lines.append(f"{calls} calls filled the callers' core: the server might hold them")


def _level(runs: Sequence[Run], calls: int) -> dict[str, float | None]:
    figures = [run.levels[calls].as_json() | {"times_alone": run.times_alone(calls)} for run in runs]
    known = {name: [found for one in figures if (found := one[name]) is not None] for name in figures[0]}
    level: dict[str, float | None] = {
        name: round(median(values), 3) if values else None for name, values in known.items()
    }
    return level | {"held": median(run.held(calls) for run in runs)}


def _row(level: Mapping[str, float | None]) -> list[object]:
    return [None if level[name] is None else f"{level[name]:.4g}" for name in COLUMNS.values()]


def _promise(report: Report, search: bool) -> None:
    levels = report.figures["relay"]["levels"]
    if at := levels.get(OVERHEAD_AT):
        for name, most in (("p50", OVERHEAD_P50_MS), ("p99", OVERHEAD_P99_MS)):
            found = at[f"overhead_{name}_ms"]
            report.promise(
                f"overhead at {OVERHEAD_AT} calls, {name}: {found} ms, at most {most:g}",
                found is not None and found <= most,
            )
    if levels.keys() >= set(EVEN_AT):
        costs = [levels[calls]["us_per_frame"] for calls in EVEN_AT]
        times = max(costs) / min(costs)
        report.promise(
            f"a frame's cost at {EVEN_AT} calls is within {EVEN_MOST:g} times ({times:.2f})",
            times <= EVEN_MOST,
        )
        echo = report.figures["bare_short_way"]["levels"]
        added = {
            calls: round(levels[calls]["us_per_frame"] - echo[calls]["us_per_frame"], 1) for calls in EVEN_AT
        }
        report.figures["relay_adds_us_per_frame"] = added
        shown = ", ".join(map(str, added.values()))
        report.lines.append(
            f"at {EVEN_AT} calls the relay adds {shown} µs a frame to what the echo on the same WebSocket needs"
        )
    if search:
        most = report.figures["relay"]["most"]
        report.promise(f"holds {most:g} calls, at least {CALLS_LEAST}", most >= CALLS_LEAST)
        share, shown = share_of(report, "bare_short_way")
        report.lines.append(f"{share:.0%} of what the echo on callrelay's WebSocket holds ({shown})")
        share, shown = share_of(report, "bare")
        report.promise(
            f"{share:.0%} of what the echo on uvicorn as it comes holds ({shown}), at least {BARE_SHARE_LEAST:.0%}",
            share >= BARE_SHARE_LEAST,
        )


def share_of(report: Report, of: str) -> tuple[float, str]:
    """How many calls the relay holds by what another server does: the median of all runs' own, and each to read."""
    other = report.figures[of]
    pairs = zip(report.figures["relay"]["most_by_run"], other["most_by_run"], strict=True)
    shares = [relay / most if most else 0.0 for relay, most in pairs]
    report.figures[f"share_of_{of}_by_run"] = [round(share, 3) for share in shares]
    shown = [
        f"{'at most ' if more else ''}{share:.0%}"
        for share, more in zip(shares, other["may_hold_more_by_run"], strict=True)
    ]
    return median(shares), ", ".join(shown)

"""How many steps a second the tests of the shipped flows take, and that they always go the same way.

A step is one input to the engine and all that follows from it, expectations and predictions included; a second is one
of the processor's, so that what else the machine does counts little. Reading the files is not counted; the first round
is shown by itself: much is worked out then that is known in the later ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Final

from app.designer.files import directory_texts
from app.designer.testing import StandIns
from app.flow import Flow, build_library
from app.flow.rehearsal.run import Result, run_test
from app.flow.rehearsal.script import Script, read_script
from scripts.benches.report import Report
from scripts.benches.server import ROOT

STEPS_A_SECOND: Final = 1000
FLOWS: Final = ROOT / "flows"


@dataclass(frozen=True, slots=True)
class Round:
    """All tests of a flow, once."""

    seconds: float
    results: Sequence[Result]

    @property
    def steps(self) -> int:
        return sum(result.steps for result in self.results)


def measure(rounds: int) -> Report:
    """Every test of every shipped flow, `rounds` times; at least two."""
    report = Report("flow-tests", {"rounds": rounds})
    flows = build_library(directory_texts(FLOWS), StandIns()).flows
    played = {
        name: [_play(flow, script) for _ in range(rounds)]
        for name, flow in flows.items()
        if (script := _script(FLOWS / f"{name}.test.yaml"))
    }
    _describe(report, played)
    _promise(report, [one for several in played.values() for one in several[1:]], played)
    return report


def _script(path: Path) -> Script | None:
    return read_script(path.read_text("utf-8"), str(path)) if path.is_file() else None


def _play(flow: Flow, script: Script) -> Round:
    began = process_time()
    results = [run_test(flow, test) for test in script.tests]
    return Round(process_time() - began, results)


def _rate(rounds: Sequence[Round]) -> float:
    return sum(one.steps for one in rounds) / sum(one.seconds for one in rounds)


def _describe(report: Report, played: dict[str, list[Round]]) -> None:
    report.table(
        ["flow", "tests", "steps", "steps/s at first", "steps/s then"],
        [
            [name, len(rounds[0].results), rounds[0].steps, _rate(rounds[:1]), _rate(rounds[1:])]
            for name, rounds in played.items()
        ],
    )
    report.figures["steps_a_second"] = {
        name: {"first": round(_rate(rounds[:1])), "then": round(_rate(rounds[1:]))}
        for name, rounds in played.items()
    }


def _promise(report: Report, later: Sequence[Round], played: dict[str, list[Round]]) -> None:
    rate = _rate(later)
    report.figures["all"] = round(rate)
    report.promise(f"at least {STEPS_A_SECOND} steps a second ({rate:.0f})", rate >= STEPS_A_SECOND)
    held = all(result.held for rounds in played.values() for one in rounds for result in one.results)
    report.promise("every test holds", held)
    same = all(one.results == rounds[0].results for rounds in played.values() for one in rounds)
    report.promise("every round goes the same way", same)

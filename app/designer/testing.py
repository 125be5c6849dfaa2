"""`callrelay flow test`: the tests of flows, and what they cover."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from app.designer.files import directory_texts
from app.errors import FlowError, InvalidFlow
from app.flow.document import Place
from app.flow.library import Library, build_library
from app.flow.model import Flow
from app.flow.rehearsal.coverage import Coverage, coverage
from app.flow.rehearsal.run import Failure, Result, run_test
from app.flow.rehearsal.script import Rehearsed, Script, read_script


class StandIns(Mapping[str, str]):
    """In place of the operator's settings, so that a test is the same everywhere: a number, whatever is asked for.

    `own` are settings that a test has of its own.
    """

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self._own = own or {}

    def __getitem__(self, name: str) -> str:
        return self._own.get(name, "+15550199")

    def __iter__(self) -> Iterator[str]:
        return iter(("ANYTHING",))

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class TestedFlow:
    """One flow's tests. `faults` are those of its files, where there are any nothing was run."""

    name: str
    path: str
    results: Sequence[Result] = ()
    coverage: Coverage | None = None
    faults: Sequence[FlowError] = field(default=())

    def held(self, *, coverage: bool) -> bool:
        """Whether everything held; with `coverage`, also whether every transition is taken or excused."""
        excused = (
            not coverage or self.coverage is None or not (self.coverage.unexplained or self.coverage.stale)
        )
        return not self.faults and all(result.held for result in self.results) and excused


# how the tests of a flow are run; the file is the flow's
Runner = Callable[[Path, Flow, Sequence[Rehearsed]], Iterable[Result]]


def run_flows(paths: Sequence[Path], repeat: int = 1, aloud: Runner | None = None) -> list[TestedFlow]:
    """The tests of each flow; a flow that is only called is tested by those that call it, one without tests not."""
    folders = dict.fromkeys(path.parent for path in paths)
    libraries = {one: build_library(directory_texts(one), StandIns()) for one in folders}
    return [tested for path in paths if (tested := _run(path, libraries[path.parent], repeat, aloud))]


def run_flow(path: Path, repeat: int = 1) -> TestedFlow | None:
    """None where there is nothing to test it with."""
    return next(iter(run_flows([path], repeat)), None)


def _run(path: Path, library: Library, repeat: int, aloud: Runner | None) -> TestedFlow | None:
    """With `aloud` that runs the tests, and nothing is covered."""
    tests = path.with_name(f"{path.stem}.test.yaml")
    if path.stem not in library.flows:
        return TestedFlow(path.stem, str(path), faults=library.faults[path.stem].faults)
    if not tests.is_file():
        return None
    try:
        script = read_script(tests.read_text("utf-8", "replace"), str(tests))
        flow = library.flows[path.stem]
        _check(script, flow)
    except InvalidFlow as error:
        return TestedFlow(path.stem, str(tests), faults=error.faults)
    if aloud:
        return TestedFlow(flow.name, str(tests), list(aloud(path, flow, script.tests * repeat)))
    results = [run_test(flow, test, seed) for seed in range(repeat) for test in script.tests]
    return TestedFlow(flow.name, str(tests), results, coverage(flow, results, script.untested))


def _check(script: Script, flow: Flow) -> None:
    """Names in a test file must be the flow's. Raises InvalidFlow."""
    if script.flow != flow.name:
        raise InvalidFlow([Place(script.path, 1, 1).fault(f"this must name the flow: `flow: {flow.name}`")])


# what is shown


def as_text(tested: Sequence[TestedFlow], *, coverage: bool) -> str:
    lines = [line for one in tested for line in _lines(one, coverage)]
    results = [result for one in tested for result in one.results]
    if failed := sum(not result.held for result in results):
        lines.append(f"{failed} of {len(results)} tests FAILED")
    return "\n".join(lines) or "no tests"


def _lines(tested: TestedFlow, with_coverage: bool) -> Iterable[str]:
    yield from map(str, tested.faults)
    for result in tested.results:
        yield from result_lines(tested.name, result)
    if tested.coverage is not None:
        yield from _coverage_lines(tested.name, tested.coverage, with_coverage)


def result_lines(flow: str, result: Result) -> Iterator[str]:
    """One test, and what there is to say about it."""
    verdict = "left out" if result.left_out else "held" if result.held else "FAILED"
    yield f"{verdict:>8}  {flow}: {result.test.name}{f' ({result.left_out})' if result.left_out else ''}"
    for one in result.heard:
        yield f'          "{one.said}" was heard as: {" | ".join(one.heard) or "nothing"}'
    yield from (f"          {failure}" for failure in result.failures)
    for judge in result.skipped:
        yield f"          {_at(judge.place)} skipped, there is no judge: {judge.question}"


def _coverage_lines(name: str, found: Coverage, whole: bool) -> Iterable[str]:
    nodes, transitions = len(found.nodes), len(found.transitions)
    yield (
        f"{name}: {nodes - len(found.missed_nodes)} of {nodes} nodes, "
        f"{transitions - len(found.missed)} of {transitions} transitions"
    )
    for one in found.missed if whole else ():
        reason = found.reasons.get(one.name)
        yield f"          {_at(one.place)} {one.name} to {one.target}: {reason or 'no test takes it'}"
    for stale in found.stale if whole else ():
        yield f'          untested names "{stale}", which is taken or is not there; remove it'


def _at(place: Place) -> str:
    return f"{place.path}:{place.line}:{place.column}"


def as_document(tested: Iterable[TestedFlow]) -> str:
    return json.dumps([_document(one) for one in tested], ensure_ascii=False, indent=1)


def _document(tested: TestedFlow) -> dict[str, Any]:
    found = tested.coverage
    return {
        "flow": tested.name,
        "file": tested.path,
        "faults": [{**_place(Place(f.path, f.line, f.column)), "message": f.message} for f in tested.faults],
        "tests": [_result(result) for result in tested.results],
        "coverage": None
        if found is None
        else {
            "nodes": len(found.nodes),
            "missed_nodes": [{"node": name, **_place(place)} for name, place in found.missed_nodes],
            "transitions": len(found.transitions),
            "missed_transitions": [
                {
                    "name": one.name,
                    "to": one.target,
                    **_place(one.place),
                    "reason": found.reasons.get(one.name),
                }
                for one in found.missed
            ],
        },
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "name": result.test.name,
        "held": result.held,
        "steps": result.steps,
        "failures": [{**_place(one.place), "message": one.message} for one in result.failures],
        "skipped": [{**_place(one.place), "judge": one.question} for one in result.skipped],
        "left_out": result.left_out or None,
        "heard": [{**_place(one.place), "said": one.said, "heard": one.heard} for one in result.heard],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.path, "line": place.line, "column": place.column}


def as_junit(tested: Iterable[TestedFlow]) -> str:
    """JUnit's XML, as CI servers read it: a suite per flow, a case per test."""
    suites = ElementTree.Element("testsuites")
    for one in tested:
        failed = sum(not result.held for result in one.results)
        counts = {"tests": str(len(one.results)), "failures": str(failed), "errors": str(len(one.faults))}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": one.name, **counts})
        for fault in one.faults:
            case = ElementTree.SubElement(suite, "testcase", {"name": "load", "classname": one.name})
            ElementTree.SubElement(case, "error", {"message": str(fault)})
        for result in one.results:
            case = ElementTree.SubElement(
                suite, "testcase", {"name": result.test.name, "classname": one.name}
            )
            _add_outcome(case, result.failures, result)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


def _add_outcome(case: ElementTree.Element, failures: Sequence[Failure], result: Result) -> None:
    for failure in failures:
        ElementTree.SubElement(case, "failure", {"message": failure.message}).text = str(failure)
    if result.left_out:
        ElementTree.SubElement(case, "skipped", {"message": result.left_out})
    elif result.skipped and not failures:
        ElementTree.SubElement(case, "skipped", {"message": f"judge: {result.skipped[0].question}"})

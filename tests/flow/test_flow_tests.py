"""The tests that ship beside the flows hold, and no transition goes untested without a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.designer.testing import as_text, run_flow
from tests.flow.conftest import FLOWS

TESTED = [path for path in sorted(FLOWS.glob("*.yaml")) if "." not in path.stem]


@pytest.mark.parametrize("path", TESTED, ids=lambda path: path.stem)
def test_the_flow_holds_its_tests(path: Path) -> None:
    tested = run_flow(path)
    if tested is None:
        text = path.read_text("utf-8")
        assert "\noutcomes:" in text, (
            f"{path.name} has no tests; only what is called by others may do without"
        )
        return
    assert tested.held(coverage=True), as_text([tested], coverage=True)


def test_rehearsals_are_deterministic() -> None:
    first, second = (run_flow(FLOWS / "clinic.yaml", repeat=2) for _ in range(2))
    assert first is not None
    assert second is not None
    assert [(one.steps, one.visited, one.taken) for one in first.results] == [
        (one.steps, one.visited, one.taken) for one in second.results
    ]

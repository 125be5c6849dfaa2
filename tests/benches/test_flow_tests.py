"""The measure of flow tests plays every one of them, and sees whether they always go the same way."""

from __future__ import annotations

from scripts.benches.flow_tests import FLOWS, measure


def test_every_flow_that_has_tests_is_measured() -> None:
    report = measure(rounds=2)
    assert set(report.figures["steps_a_second"]) == {
        path.name.removesuffix(".test.yaml") for path in FLOWS.glob("*.test.yaml")
    }
    assert all(rates["then"] > 0 for rates in report.figures["steps_a_second"].values())
    assert report.promises["every test holds"]
    assert report.promises["every round goes the same way"]

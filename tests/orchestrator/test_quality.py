from __future__ import annotations

import pytest

from app.orchestrator.quality import TurnFacts, parts, score


@pytest.mark.parametrize(
    ("turn", "worst", "value"),
    [
        (TurnFacts(300.0), "answered", 1.0),
        (TurnFacts(301.0), "answered", 0.5),
        (TurnFacts(500.0), "answered", 0.5),
        (TurnFacts(501.0), "answered", 0.0),
        (TurnFacts(None), "answered", 0.0),
        (TurnFacts(300.0, understood=False), "understood", 0.0),
        (TurnFacts(300.0, steady=False), "steady", 0.0),
        (TurnFacts(300.0, longest_gap_ms=60.0), "whole", 1.0),
        (TurnFacts(300.0, longest_gap_ms=61.0), "whole", 0.0),
        (TurnFacts(300.0, cut_after_ms=1000.0), "patient", 0.0),
        (TurnFacts(300.0, cut_after_ms=1001.0), "patient", 1.0),
    ],
)
def test_each_part_counts_a_fifth(turn: TurnFacts, worst: str, value: float) -> None:
    found = parts(turn, 300, 500)
    assert found == dict.fromkeys(found, 1.0) | {worst: value}
    assert score(turn, 300, 500) == pytest.approx((4 + value) / 5)

from __future__ import annotations

import pytest

from scripts.benches.answers import is_early


@pytest.mark.parametrize(
    ("record", "early"),
    [
        ([("said", 5200), ("turn", 5200)], False),
        ([("said", 4900), ("turn", 4900)], True),
        ([("taken_back", 4900), ("said", 5200), ("turn", 5200)], True),
        ([("turn", 5200), ("turn", 7000)], True),
        ([], False),
    ],
)
def test_a_turn_is_early_when_its_answer_began_before_its_end_or_was_not_the_last(
    record: list[tuple[str, int]], early: bool
) -> None:
    events = [{"event": name, "ms": ms} for name, ms in record]
    assert is_early(events, 5.0) is early

from __future__ import annotations

import pytest

from scripts.benches.answers import is_premature


@pytest.mark.parametrize(
    ("record", "premature"),
    [
        ([("said", 5200), ("turn", 5200)], False),
        ([("said", 4900), ("turn", 4900)], True),
        ([("taken_back", 4900), ("said", 5200), ("turn", 5200)], True),
        ([("turn", 5200), ("turn", 7000)], True),
        ([], False),
    ],
)
def test_a_turn_is_premature_when_its_answer_began_before_its_end_or_was_not_the_last(
    record: list[tuple[str, int]], premature: bool
) -> None:
    events = [{"event": name, "ms": ms} for name, ms in record]
    assert is_premature(events, 5.0) is premature

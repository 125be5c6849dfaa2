"""The decision table of app/orchestrator/ladder.py."""

from __future__ import annotations

import pytest

from app.orchestrator.ladder import MEASURES, TURNS_NEEDED, Ladder, Recent, Step

LATE = Recent(TURNS_NEEDED, 501.0)
CALM = Recent(TURNS_NEEDED, 239.0)
NOBODY = Recent(0, None)


def down(ladder: Ladder, now_s: float = 0.0, times: int = 1) -> float:
    """Step down; the moment of the last step."""
    for number in range(times):
        assert ladder.look(LATE, now_s + 60 * number)
    return now_s + 60 * (times - 1)


@pytest.mark.parametrize(
    ("recent", "steps"),
    [
        (LATE, True),
        (Recent(TURNS_NEEDED, 500.0), False),
        (Recent(TURNS_NEEDED - 1, 900.0), False),
        (CALM, False),
        (NOBODY, False),
    ],
)
def test_a_measure_is_taken_when_answers_are_late(recent: Recent, steps: bool) -> None:
    ladder = Ladder(300, 500)
    step = ladder.look(recent, 0.0)
    assert (step is not None) == steps
    assert ladder.in_force == MEASURES[:steps]


def test_one_measure_a_minute_until_none_is_left() -> None:
    ladder = Ladder(300, 500)
    steps = [ladder.look(LATE, float(now_s)) for now_s in range(600)]
    taken = {now_s: step.measure for now_s, step in enumerate(steps) if step}
    assert taken == {60 * number: measure for number, measure in enumerate(MEASURES)}


@pytest.mark.parametrize("recent", [CALM, NOBODY])
def test_a_calm_minute_lifts_the_last_measure(recent: Recent) -> None:
    ladder = Ladder(300, 500)
    began = down(ladder, times=2)
    steps = {second: ladder.look(recent, began + second) for second in range(1, 62)}
    assert [second for second, step in steps.items() if step] == [61]
    assert isinstance(steps[61], Step)
    assert (steps[61].way, steps[61].measure) == ("up", MEASURES[1])
    assert ladder.in_force == MEASURES[:1]


@pytest.mark.parametrize("p95_ms", [240.0, 499.0])
def test_what_is_neither_late_nor_calm_changes_nothing(p95_ms: float) -> None:
    ladder = Ladder(300, 500)
    began = down(ladder)
    assert not any(ladder.look(Recent(99, p95_ms), began + second) for second in range(1, 600))
    assert ladder.in_force == MEASURES[:1]


def test_calm_has_to_last() -> None:
    ladder = Ladder(300, 500)
    began = down(ladder)
    for second in range(1, 600):
        restless = Recent(99, 300.0) if second % 50 == 0 else CALM
        assert ladder.look(restless, began + second) is None


def test_only_turns_since_the_last_step_count() -> None:
    ladder = Ladder(300, 500)
    assert ladder.window_s(1000.0) == 940.0
    down(ladder, 1000.0)
    assert ladder.window_s(1010.0) == 1000.0
    assert ladder.window_s(1100.0) == 1040.0

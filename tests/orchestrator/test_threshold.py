from __future__ import annotations

import random

import pytest

from app.orchestrator.threshold import HIGHEST, OUTCOMES_LEAST, AdaptiveThreshold, threshold


@pytest.mark.parametrize(
    ("outcomes", "accuracy", "expected"),
    [
        ([], 0.8, HIGHEST),
        ([(0.9, True), (0.5, True), (0.1, False)], 0.8, 0.5),
        ([(0.9, True), (0.5, True), (0.1, False)], 0.6, 0.1),
        ([(0.9, True), (0.5, True), (0.5, True), (0.5, True), (0.1, False)], 0.8, 0.1),
        ([(0.9, False), (0.5, True)], 0.8, HIGHEST),
        ([(0.5, True), (0.5, False)], 0.8, HIGHEST),
    ],
)
def test_the_lowest_chance_that_is_right_often_enough(
    outcomes: list[tuple[float, bool]], accuracy: float, expected: float
) -> None:
    assert threshold(outcomes, accuracy) == expected


def test_chances_that_promise_too_much_are_seen_through() -> None:
    """They come true half as often as they say."""
    draw, adapting = random.Random(1), AdaptiveThreshold(0.8)
    for _ in range(600):
        chance = draw.random()
        adapting.settled(chance, draw.random() < chance / 2)
    assert adapting.value == HIGHEST


def test_chances_that_promise_too_little_are_trusted_more() -> None:
    draw, adapting = random.Random(1), AdaptiveThreshold(0.8)
    for _ in range(600):
        chance = draw.random()
        adapting.settled(chance, draw.random() < 0.9)
    assert adapting.value < 0.1


def test_a_few_outcomes_change_nothing() -> None:
    adapting = AdaptiveThreshold(0.8)
    before = adapting.value
    for _ in range(OUTCOMES_LEAST - 1):
        adapting.settled(0.9, False)
    assert adapting.value == before

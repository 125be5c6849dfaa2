from __future__ import annotations

import pytest

from scripts.benches.ablation import FEATURES, Feature
from scripts.benches.ablation_side import hold

NAMED = {feature.name: feature for feature in FEATURES}


def gained_ms(feature: Feature) -> list[float]:
    """By how much each measured turn of a call is answered sooner."""
    calls = feature.calls(2, seed=1)
    off, on = (hold(side, calls, seed=1) for side in (feature.off, feature.on))
    for row in (off, on):
        assert (row.wrong, row.premature, row.unanswered, row.gaps) == (0, 0, 0, 0)
    both = zip(feature.measured(off.answers_ms), feature.measured(on.answers_ms), strict=True)
    return [without - with_it for without, with_it in both]


def test_speech_that_is_there_is_heard_sooner_by_the_time_to_its_first_sound() -> None:
    gained = gained_ms(NAMED["prediction cache"])
    assert gained[1::3] == pytest.approx([100.0] * 3, abs=25)  # fixed words follow a yes


def test_a_service_that_is_asked_ahead_is_not_waited_for() -> None:
    gained = gained_ms(NAMED["http prefetch"])
    assert len(gained) == 3
    assert min(gained) > 100


def test_both_sides_of_a_comparison_differ_in_nothing_but_the_feature() -> None:
    feature = NAMED["hedging"]  # which has learned too little to begin
    calls = feature.calls(5, seed=1)
    off, on = (hold(side, calls, seed=1) for side in (feature.off, feature.on))
    assert len(off.answers_ms) == 5
    assert off.answers_ms == on.answers_ms

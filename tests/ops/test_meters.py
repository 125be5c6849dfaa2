from __future__ import annotations

import pytest

from app.call.timeline import Timeline
from app.clock import ManualClock
from app.ops.meters import WINDOW_S, Meters, percentile


def answered(clock: ManualClock, answer_ms: float) -> Timeline:
    timeline = Timeline(clock.now())
    timeline.stage("endpoint", clock.now(), clock.now() + 0.1)
    timeline.stage("stt_final", clock.now() + 0.1, clock.now() + 0.15)
    timeline.stage("first_frame_out", clock.now() + 0.15, clock.now() + answer_ms / 1000)
    timeline.waited("pacing", 2.0)
    return timeline


def test_figures_are_of_the_last_five_minutes(clock: ManualClock) -> None:
    meters = Meters(clock)
    meters.turn(answered(clock, 900))
    clock.advance(WINDOW_S + 1)
    assert meters.answers_ms() == []
    meters.turn(answered(clock, 300))
    assert meters.answers_ms() == pytest.approx([300])
    spent = {"network": None, "ai": 50.0, "audio": 100.0, "service": 0.0, "overhead": 2.0}
    assert meters.breakdown_ms() == spent


def test_a_turn_is_broken_down_into_all_that_was_waited_for_and_each_moment_counts_once(
    clock: ManualClock,
) -> None:
    meters, timeline = Meters(clock), Timeline(clock.now())
    for name, start, end in [
        ("endpoint", 0.0, 0.3),
        ("stt_final", 0.2, 0.301),
        ("decide", 0.301, 0.302),
        ("service", 0.302, 0.502),
        ("model_first_token", 0.1, 1.3),
        ("speech_first_byte", 1.3, 1.34),
        ("first_frame_out", 1.34, 1.34),
    ]:
        timeline.stage(name, start, end)
    meters.turn(timeline)
    spent = meters.breakdown_ms()
    assert (spent["audio"], spent["ai"], spent["service"]) == pytest.approx((340.0, 800.0, 200.0))


def test_what_nobody_has_measured_is_null(clock: ManualClock) -> None:
    meters = Meters(clock)
    assert meters.loop_lag_p95_ms is None
    assert set(meters.breakdown_ms().values()) == {None}


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentile([], 0.95) is None
    assert percentile([5.0], 0.95) == 5.0
    assert percentile(list(map(float, range(100))), 0.95) == 95.0

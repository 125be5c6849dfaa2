from __future__ import annotations

import asyncio

import pytest

from app.clock import ManualClock
from app.orchestrator.breaker import Breaker
from app.simulator.turns import CallReport
from app.web.tokens import StreamTokens
from app.web.voice import CONNECTS_MAX
from scripts.benches.growth import Growth
from scripts.benches.leftovers import Growers, Holdings
from scripts.benches.report import Report
from scripts.benches.soak import measure
from scripts.benches.soak_outcome import Outcome

BREAKER = "app.orchestrator.breaker.Breaker"


def test_two_hundred_calls_with_faults_leave_nothing_behind() -> None:
    report = measure(total=200, at_once=50, share=0.05, seed=3)
    assert [what for what, kept in report.promises.items() if not kept] == []
    assert len(report.figures["faults"]) > 5
    assert "failover" in report.figures["events"]


def test_a_soak_in_which_nobody_is_let_in_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StreamTokens, "consume", lambda tokens, token, call_sid: False)
    report = measure(total=20, at_once=20, share=0, seed=1)
    broken = [what for what, kept in report.promises.items() if not kept]
    assert broken[0] == f"errors in calls with nothing wrong: {20 * CONNECTS_MAX}"
    assert "turn" in broken[1]


def test_errors_count_in_calls_with_which_nothing_was_wrong() -> None:
    outcome, call = Outcome(), CallReport("CA1", ManualClock().wall())
    call.cannot_run = "nobody answers"
    outcome.over("a flood", call)
    assert (outcome.faults, outcome.spoilt) == ({"a flood": 1}, [])
    outcome.over("", call)
    assert outcome.spoilt == ["CA1: nobody answers"]


async def test_an_object_that_is_left_behind_is_named() -> None:
    before = Holdings.now()
    left = Breaker()
    grown = Holdings.now().grown_since(before, {})
    assert {name: after - then for name, (then, after) in grown.items()} == {BREAKER: 1}
    bound = before.objects.get(BREAKER, 0) + 1
    assert Holdings.now().grown_since(before, {BREAKER: bound}) == {}
    del left
    assert Holdings.now().grown_since(before, {}) == {}


async def test_tasks_and_timers_that_go_on_are_counted_and_those_that_are_over_are_not() -> None:
    before = Holdings.now(calls=1).counts
    timer = asyncio.get_running_loop().call_later(1, print)
    after = Holdings.now(calls=1).counts
    assert {name: after[name] - before[name] for name in before} == {**dict.fromkeys(before, 0), "timers": 1}
    timer.cancel()
    assert Holdings.now(calls=1).counts == before


def test_growth_is_measured_once_the_process_is_warm() -> None:
    growth = Growth(100, {calls: calls * (100_000 if calls < 100 else 2048) for calls in range(0, 300, 10)})
    assert growth.slope_kib
    assert growth.slope_kib.estimate == 2.0


def test_growth_of_which_too_little_was_seen_is_not_promised() -> None:
    growth, report = Growth(500, {calls: calls * 9_000 for calls in range(10, 510, 10)}), Report("some", {})
    growth.describe(report)
    assert report.promises == {}
    assert "too few calls" in report.lines[-1]


def test_the_line_that_takes_memory_is_found() -> None:
    growers = Growers()
    taken = [bytes(10_240) for _ in range(10)]
    (worst, *_) = growers.since(calls=10)
    assert taken
    assert "10.0" in worst
    assert "tests/benches/test_soak.py:" in worst

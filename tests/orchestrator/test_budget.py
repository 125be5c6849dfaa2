from __future__ import annotations

from app.orchestrator.budget import PLAN_MS, Budget


def test_the_plan_fills_the_target() -> None:
    budget = Budget(600, 900)
    assert sum(budget.planned_ms(stage) for stage in PLAN_MS) == 600
    assert budget.planned_ms("endpoint") == 220


def test_what_is_left_leaves_the_later_stages_their_shares() -> None:
    budget = Budget()
    assert budget.left_ms("ai_or_cache", 115) == 90
    assert budget.left_ms("ai_or_cache", 215) == -10
    assert budget.left_ms("network", 250) == 50


def test_the_most_that_a_turn_may_take() -> None:
    assert not Budget().exceeded(500)
    assert Budget().exceeded(501)

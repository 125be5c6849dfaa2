from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.orchestrator.hedge import FirstTokens, HedgeTokens
from app.orchestrator.plan import PATIENCE_S, STANDBY_S, Action, Candidate, GiveUp, ReplyPlan, Start, Stop

CHAIN = [Candidate(name, 0.5, 0.8) for name in ("a", "b", "c")]


def rich() -> HedgeTokens:
    tokens = HedgeTokens()
    for _ in range(30):
        tokens.turn()
    return tokens


Step = tuple[str, str, float, list[Action]]


@pytest.mark.parametrize(
    "steps",
    [
        [("failed", "a", 0.1, [Start("b", "failed")]), ("spoke", "b", 0.3, [])],
        [
            ("failed", "a", 0.1, [Start("b", "failed")]),
            ("failed", "b", 0.2, [Start("c", "failed")]),
            ("failed", "c", 0.3, [GiveUp()]),
        ],
        [
            ("due", "", 0.4, []),
            ("due", "", 0.5, [Start("b", "hedge")]),
            ("spoke", "a", 0.6, [Stop("b", False, False)]),
        ],
        [("due", "", 0.5, [Start("b", "hedge")]), ("spoke", "b", 0.7, [Stop("a", True, False)])],
        [
            ("due", "", 0.5, [Start("b", "hedge")]),
            ("due", "", 1.0, [Start("c", "hedge")]),
            ("spoke", "c", 1.2, [Stop("a", True, True), Stop("b", True, False)]),
        ],
        [("due", "", 0.5, [Start("b", "hedge")]), ("failed", "b", 0.6, [Start("c", "failed")])],
        [("due", "", PATIENCE_S, [GiveUp(["a"])])],
        [
            ("spoke", "a", 0.2, []),
            ("failed", "a", 5.0, [Start("b", "failed")]),
            ("due", "", 5.0 + PATIENCE_S, [GiveUp(["b"])]),
        ],
        [
            ("due", "", 0.5, [Start("b", "hedge")]),
            ("spoke", "a", 0.6, [Stop("b", False, False)]),
            ("failed", "a", 1.0, [Start("c", "failed")]),
            ("failed", "c", 1.1, [Start("b", "failed")]),
        ],
    ],
)
def test_what_is_done_when(steps: Sequence[Step]) -> None:
    plan = ReplyPlan(CHAIN, rich())
    assert plan.begin(0.0) == [Start("a", "first")]
    for what, name, now_s, actions in steps:
        if what == "due":
            assert plan.due(now_s) == actions
        else:
            tell = plan.failed if what == "failed" else plan.spoke
            assert tell(name, now_s) == actions


def test_without_savings_the_next_one_is_asked_at_the_deadline() -> None:
    plan = ReplyPlan(CHAIN, HedgeTokens())
    plan.begin(0.0)
    assert plan.next_s() == 0.5
    assert plan.due(0.5) == []
    assert plan.next_s() == 0.8
    assert plan.due(0.8) == [Start("b", "late")]


def test_nobody_there_is_given_up_at_once() -> None:
    assert ReplyPlan([], HedgeTokens()).begin(0.0) == [GiveUp()]


def test_the_last_one_is_waited_for_until_patience_ends() -> None:
    plan = ReplyPlan(CHAIN[:1], rich())
    plan.begin(1.0)
    assert plan.next_s() == 1.0 + PATIENCE_S


def test_who_speaks_is_not_hurried() -> None:
    plan = ReplyPlan(CHAIN, rich())
    plan.begin(0.0)
    plan.spoke("a", 0.1)
    assert plan.next_s() is None


def test_hedges_stay_under_a_tenth_of_the_turns() -> None:
    tokens = HedgeTokens()
    taken = 0
    for _ in range(1000):
        tokens.turn()
        taken += tokens.take()
    assert 90 < taken <= 100


@pytest.mark.parametrize(
    ("p50_s", "deadline_s"), [(0.1, 0.8), (0.3, 0.8), (0.4, 1.0), (0.6, 1.5), (5.0, 2.0)]
)
def test_a_deadline_is_learned(p50_s: float, deadline_s: float) -> None:
    learned = FirstTokens()
    for _ in range(50):
        learned.learn(p50_s)
    learned.used(10.0)
    assert learned.deadline_s(20.0) == deadline_s
    assert learned.deadline_s(200.0) == min(deadline_s + 0.7, 2.0)


def test_who_is_often_slow_is_given_as_long_as_nine_in_ten_take() -> None:
    learned = FirstTokens()
    for number in range(100):
        learned.learn(0.1 if number % 5 else 1.5)
    learned.used(0.0)
    assert learned.deadline_s(1.0) == 1.5


def test_nothing_is_learned_from_little() -> None:
    learned = FirstTokens()
    learned.learn(5.0)
    learned.used(0.0)
    assert learned.quantile_s(0.9) is None
    assert learned.hedge_after_s(1.0) == 0.8


STANDBY = Candidate("s", 0.1, 0.1)


def test_who_stands_by_is_never_asked_beside_another() -> None:
    plan = ReplyPlan(CHAIN[:1], rich(), STANDBY)
    assert plan.begin(0.0) == [Start("a", "first")]
    assert plan.due(0.5) == []
    assert plan.due(1.0) == []
    assert plan.next_s() == pytest.approx(PATIENCE_S - STANDBY_S)
    assert plan.due(PATIENCE_S - STANDBY_S) == [Stop("a", slow=True, late=True), Start("s", "late")]
    assert plan.next_s() == pytest.approx(PATIENCE_S)
    assert plan.due(PATIENCE_S) == [GiveUp(["s"])]


def test_who_stands_by_is_asked_at_once_when_all_others_have_failed() -> None:
    plan = ReplyPlan(CHAIN[:2], rich(), STANDBY)
    plan.begin(0.0)
    assert plan.failed("a", 0.1) == [Start("b", "failed")]
    assert plan.failed("b", 0.2) == [Start("s", "failed")]
    assert plan.failed("s", 0.2) == [GiveUp()]
    assert ReplyPlan([], rich(), STANDBY).begin(0.0) == [Start("s", "first")]


def test_a_loser_goes_on_before_who_stands_by() -> None:
    plan = ReplyPlan(CHAIN[:2], rich(), STANDBY)
    plan.begin(0.0)
    assert plan.due(0.5) == [Start("b", "hedge")]
    assert plan.spoke("b", 0.6) == [Stop("a", slow=True, late=False)]
    assert plan.failed("b", 1.0) == [Start("a", "failed")]
    assert plan.failed("a", 1.1) == [Start("s", "failed")]

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.errors import BadCredentials, BadRequest, ProviderError, RateLimited, Refused
from app.orchestrator.breaker import OPEN_S, Breaker

NO = Refused("no")


def after(*outcomes: ProviderError | None, every_s: float = 0.1) -> Breaker:
    """A breaker that has seen these failures and, for None, successes; the last one at zero."""
    breaker = Breaker()
    for number, error in enumerate(outcomes):
        at_s = (number - len(outcomes) + 1) * every_s
        if error:
            breaker.failed(at_s, error)
        else:
            breaker.succeeded(at_s)
    return breaker


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([], "closed"),
        ([NO] * 4, "closed"),
        ([NO] * 5, "open"),
        ([NO] * 4 + [None] + [NO] * 4, "closed"),
        ([NO, None] * 4 + [NO], "closed"),
        ([None, NO] * 5, "open"),
        ([None, None, NO] * 10, "closed"),
        ([BadRequest("too long")] * 50, "closed"),
        ([RateLimited("later", retry_after_s=3)], "open"),
        ([RateLimited("later")] * 4, "closed"),
        ([BadCredentials("key")], "open"),
    ],
)
def test_what_opens_it(outcomes: list[ProviderError | None], state: str) -> None:
    assert after(*outcomes).state == state


def test_what_is_long_ago_does_not_count() -> None:
    assert after(*[None, NO] * 5, every_s=4).state == "closed"


@pytest.mark.parametrize(
    ("outcomes", "closed_for_s"),
    [
        ([NO] * 5, OPEN_S),
        ([RateLimited("later", retry_after_s=40)], 40),
        ([RateLimited("now", retry_after_s=0)], 0),
    ],
)
def test_when_a_probe_is_due(outcomes: list[ProviderError | None], closed_for_s: float) -> None:
    breaker = after(*outcomes)
    assert not breaker.probe(closed_for_s - 0.1)
    assert breaker.probe(closed_for_s)
    assert breaker.state == "half_open"
    assert not breaker.probe(closed_for_s), "one probe at a time"


@pytest.mark.parametrize(
    ("error", "state"),
    [(None, "closed"), (NO, "open"), (BadRequest("odd"), "closed"), (BadCredentials("k"), "open")],
)
def test_what_a_probe_changes(error: ProviderError | None, state: str) -> None:
    breaker = after(*[NO] * 5)
    assert breaker.probe(6)
    if error:
        breaker.failed(7, error)
    else:
        breaker.succeeded(7)
    assert breaker.state == state
    assert not breaker.probe(7)


def test_bad_credentials_are_not_tried_again() -> None:
    breaker = after(BadCredentials("key"))
    breaker.failed(1, RateLimited("later", retry_after_s=1))
    breaker.failed(2, NO)
    assert breaker.locked
    assert not breaker.probe(1e9)


def test_it_shows_itself() -> None:
    assert repr(Breaker()) == "Breaker(closed)"
    assert repr(after(BadCredentials("key"))) == "Breaker(open, locked)"


class AnyHistory(RuleBasedStateMachine):
    """Against a model that is written from the rules, not from the code."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now_s = 0.0
        self.locked = False
        self.in_a_row = 0
        self.opened_until_s = 0.0

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def succeed(self) -> None:
        self.in_a_row = 0
        self.breaker.succeeded(self.now_s)

    @rule()
    def fail(self) -> None:
        was = self.breaker.state
        self.in_a_row += was == "closed"
        self.breaker.failed(self.now_s, NO)
        if was == "half_open" or self.in_a_row >= 5:
            assert self.breaker.state == "open"
        self._if_opened(was, OPEN_S)

    @rule(seconds=st.floats(0, 100))
    def limit(self, seconds: float) -> None:
        self.breaker.failed(self.now_s, RateLimited("later", retry_after_s=seconds))
        self.opened_until_s = max(self.now_s + seconds, self.opened_until_s)
        assert self.breaker.state == "open"
        self.in_a_row = 0

    @rule()
    def refuse_one(self) -> None:
        was = self.breaker.state
        self.breaker.failed(self.now_s, BadRequest("odd"))
        assert self.breaker.state == ("closed" if was == "half_open" else was)
        self.in_a_row = 0 if was == "half_open" else self.in_a_row

    @precondition(lambda self: not self.locked)
    @rule(chance=st.integers(0, 9))
    def change_the_key(self, chance: int) -> None:
        if chance == 0:
            self.breaker.failed(self.now_s, BadCredentials("key"))
            self.locked = True

    @rule()
    def probe(self) -> None:
        was = self.breaker.state
        begun = self.breaker.probe(self.now_s)
        assert begun == (was == "open" and not self.locked and self.now_s >= self.opened_until_s)

    def _if_opened(self, was: str, for_s: float) -> None:
        if was != "open" and self.breaker.state == "open":
            self.opened_until_s = self.now_s + for_s
            self.in_a_row = 0

    @invariant()
    def what_is_locked_stays_open(self) -> None:
        if self.locked:
            assert self.breaker.state == "open"

    @invariant()
    def only_a_closed_one_lets_callers_through(self) -> None:
        assert self.breaker.allows == (self.breaker.state == "closed")


AnyHistory.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase

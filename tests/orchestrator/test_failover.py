"""Failover in virtual time, with models that fail as they are told to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from app.clock import ManualClock
from app.errors import BadCredentials, BrokenStream, ProviderError, RateLimited, Refused, TimedOut
from app.orchestrator.failover import Decision, FailoverModel
from app.orchestrator.ladder import MEASURES
from app.orchestrator.plan import BETWEEN_TOKENS_S
from providers.base import (
    Finished,
    LanguageModel,
    Message,
    ModelEvent,
    ModelRequest,
    OutcomeChosen,
    TextDelta,
    ToolCall,
)
from providers.local_answers import EmbeddedAnswers
from providers.local_still import StillWorkers
from providers.prompting import instructions
from providers.scripted_model import Reply, ScriptedModel

REQUEST = ModelRequest("Help.", [Message("caller", "When do you open?")], "en", 50)
SENTENCE = "We open at nine and we close at five, every day."
NO = Refused("no")


def going_on(request: ModelRequest) -> Reply:
    """What an obedient model answers: the rest of the sentence."""
    return Reply(SENTENCE[len(request.begun) :], first_ms=100, gap_ms=20)


def saying(script: Callable[[ModelRequest], Reply] | Reply, name: str) -> ScriptedModel:
    return ScriptedModel(script if callable(script) else lambda _: script, name=name)


class Caller:
    """Asks, and remembers what came and what was decided."""

    def __init__(self, clock: ManualClock, *models: LanguageModel) -> None:
        self.clock = clock
        self.decisions: list[Decision] = []
        self.model = FailoverModel(models, clock)
        self.last_at_s = 0.0
        self.longest_gap_s = 0.0

    async def ask(self, request: ModelRequest = REQUEST) -> list[ModelEvent]:
        self.last_at_s, self.longest_gap_s, events = self.clock.now(), 0.0, []
        async with aclosing(self.model.watched(self.decisions.append).reply(request)) as reply:
            async for event in reply:
                events.append(event)
                self.longest_gap_s = max(self.longest_gap_s, self.clock.now() - self.last_at_s)
                self.last_at_s = self.clock.now()
        return events

    async def said(self) -> str:
        return "".join(event.text for event in await self.ask() if isinstance(event, TextDelta))

    def decided(self) -> list[tuple[str, str]]:
        return [(decision.what, decision.provider) for decision in self.decisions]


@asynccontextmanager
async def watching(caller: Caller) -> AsyncIterator[None]:
    """Somebody looks after the providers that are down."""
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(caller.model.watch())
        yield
        watch.cancel()


async def test_the_first_one_answers(clock: ManualClock) -> None:
    caller = Caller(clock, saying(going_on, "a"), saying(going_on, "b"))
    assert await caller.said() == SENTENCE
    assert caller.decided() == [("started", "a"), ("answered", "a"), ("finished", "a")]
    assert caller.decisions[1].after_ms == 100


@pytest.mark.parametrize(
    "error", [NO, RateLimited("later"), TimedOut("slow"), BrokenStream("broke"), BadCredentials("k")]
)
async def test_the_next_one_is_asked_at_once(clock: ManualClock, error: ProviderError) -> None:
    caller = Caller(clock, saying(Reply(fault=error), "a"), saying(going_on, "b"))
    assert await caller.said() == SENTENCE
    assert [d.after_ms for d in caller.decisions if d.what == "started"] == [0, 0]


@pytest.mark.parametrize("at", range(11))
@pytest.mark.parametrize("next_one", ["obeys", "repeats the end", "begins again"])
@pytest.mark.parametrize("fault", ["dies", "stalls"])
async def test_a_sentence_that_breaks_off_is_gone_on_with(
    clock: ManualClock, at: int, next_one: str, fault: str
) -> None:
    def continuation(request: ModelRequest) -> Reply:
        begun = request.begun
        from_where = {
            "obeys": len(begun),
            "repeats the end": max(0, begun.rfind(" ", 0, begun.rfind(" "))),
            "begins again": 0,
        }[next_one]
        return Reply(SENTENCE[from_where:], first_ms=100, gap_ms=20)

    first = Reply(SENTENCE, first_ms=100, gap_ms=20, fault=BrokenStream("broke"), fault_at=at)
    if fault == "stalls":
        first = Reply(SENTENCE, first_ms=100, gap_ms=20, stall_at=at)
    caller = Caller(clock, saying(first, "a"), saying(continuation, "b"))
    assert await caller.said() == SENTENCE
    if fault == "dies" and next_one == "obeys":
        assert caller.longest_gap_s <= 0.3


async def test_a_provider_that_hangs_is_not_waited_for(clock: ManualClock) -> None:
    caller = Caller(clock, saying(Reply("x", stall_at=0), "a"), saying(going_on, "b"))
    await caller.model.warm_up()
    assert await caller.said() == SENTENCE
    assert caller.decisions[1] == Decision("started", "b", 800, "late")


async def test_a_busy_server_is_no_stall_of_a_model(clock: ManualClock) -> None:
    async def busy() -> None:
        while True:
            await asyncio.sleep(0.1)
            clock.advance(2 * BETWEEN_TOKENS_S)

    other = saying(going_on, "b")
    caller = Caller(clock, saying(Reply(SENTENCE, first_ms=500, gap_ms=500), "a"), other)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(busy())
        assert await caller.said() == SENTENCE
        task.cancel()
    assert not other.requests


async def test_a_cold_provider_is_given_longer(clock: ManualClock) -> None:
    caller = Caller(clock, saying(Reply("x", stall_at=0), "a"), saying(going_on, "b"))
    await caller.said()
    assert caller.decisions[1] == Decision("started", "b", 1500, "late")


async def test_a_slow_first_one_that_is_faster_after_all_wins(clock: ManualClock) -> None:
    slow, other = saying(Reply("Slow.", first_ms=850), "a"), saying(going_on, "b")
    caller = Caller(clock, slow, other)
    await caller.model.warm_up()
    assert await caller.said() == "Slow."
    assert other.closed_early == 1
    assert ("stopped", "b") in caller.decided()


async def test_a_hedge_is_asked_beside_and_the_loser_is_closed(clock: ManualClock) -> None:
    hanging = saying(Reply(stall_at=0), "a")
    caller = Caller(clock, hanging, saying(going_on, "b"))
    for _ in range(30):
        caller.model.providers["a"].first_tokens.learn(0.1)
        caller.model.tokens.turn()
    assert await caller.said() == SENTENCE
    assert caller.decisions[1] == Decision("started", "b", 100, "hedge")
    assert (hanging.open, hanging.closed_early) == (0, 1)


async def test_eleven_turns_pay_for_a_hedge(clock: ManualClock) -> None:
    caller = Caller(clock, saying(going_on, "a"))
    for _ in range(11):
        assert not caller.model.tokens.take()
        await caller.said()
    assert caller.model.tokens.take()


async def test_all_down_is_known_at_once(clock: ManualClock) -> None:
    caller = Caller(clock, saying(Reply(fault=NO), "a"), saying(Reply(fault=TimedOut("slow")), "b"))
    with pytest.raises(TimedOut, match="slow"):
        await caller.ask()
    assert clock.now() == 0
    assert caller.decided()[-1] == ("gave_up", "")


async def test_all_hanging_is_known_within_two_seconds(clock: ManualClock) -> None:
    hanging = [saying(Reply("x", stall_at=0), name) for name in "abc"]
    caller = Caller(clock, *hanging)
    for _ in range(12):
        began_s = clock.now()
        with pytest.raises(ProviderError):
            await caller.ask()
        assert clock.now() - began_s <= 2.0
    assert not caller.model.healthy
    assert [model.open for model in hanging] == [0, 0, 0]


async def test_a_reply_that_nobody_can_finish_says_what_was_said(clock: ManualClock) -> None:
    breaks = Reply(SENTENCE, fault=BrokenStream("broke"), fault_at=4)
    caller = Caller(clock, saying(breaks, "a"), saying(Reply(fault=NO), "b"))
    with pytest.raises(BrokenStream) as failure:
        await caller.ask()
    assert failure.value.emitted == "We open at"


@pytest.mark.parametrize("event", [OutcomeChosen("done"), ToolCall("c1", "book", {})])
async def test_a_choice_is_made_once(clock: ManualClock, event: ModelEvent) -> None:
    chosen = Reply("Bye now.", [event], fault=BrokenStream("broke"), fault_at=3)
    other = saying(going_on, "b")
    caller = Caller(clock, saying(chosen, "a"), other)
    assert await caller.ask() == [TextDelta("Bye"), TextDelta(" now."), event, Finished()]
    assert not other.requests


async def test_a_loser_of_a_hedge_can_take_over(clock: ManualClock) -> None:
    hedged = [Reply(SENTENCE, first_ms=850), Reply(SENTENCE[len("We open") :], first_ms=100)]
    breaks = Reply(SENTENCE, first_ms=10, gap_ms=10, fault=BrokenStream("broke"), fault_at=3)
    caller = Caller(clock, ScriptedModel(hedged, name="a"), saying(breaks, "b"))
    await caller.model.warm_up()
    assert await caller.said() == SENTENCE
    assert caller.decided()[-3:] == [("started", "a"), ("answered", "a"), ("finished", "a")]


async def test_a_provider_that_is_down_is_left_alone_and_noticed_when_it_is_back(clock: ManualClock) -> None:
    down = True
    first = ScriptedModel(lambda _: Reply(fault=NO) if down else Reply("Back."), name="a")
    caller = Caller(clock, first, saying(going_on, "b"))
    for _ in range(5):
        await caller.ask()
    assert caller.model.report()["a"]["breaker"] == "open"
    asked = len(first.requests)
    await caller.ask()
    assert len(first.requests) == asked
    async with watching(caller):
        await asyncio.sleep(40)
        assert caller.model.report()["a"]["state"] == "down"
        down = False
        await asyncio.sleep(10)
        assert caller.model.report()["a"]["state"] == "healthy"
        assert await caller.said() == "Back."
    assert first.requests[-2].max_tokens <= 5


async def test_bad_credentials_are_an_alert_and_no_retry(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    first = saying(Reply(fault=BadCredentials("a: HTTP 401")), "a")
    caller = Caller(clock, first, saying(going_on, "b"))
    async with watching(caller):
        for _ in range(5):
            await caller.ask()
        await asyncio.sleep(600)
    assert len(first.requests) == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_patience_that_is_asked_for_is_had(clock: ManualClock) -> None:
    first = saying(Reply(fault=RateLimited("later", retry_after_s=60)), "a")
    caller = Caller(clock, first, saying(going_on, "b"))
    async with watching(caller):
        await caller.ask()
        await asyncio.sleep(59)
        assert len(first.requests) == 1
        await asyncio.sleep(2)
        assert len(first.requests) == 2


async def test_hanging_up_closes_everything(clock: ManualClock) -> None:
    models = [saying(Reply(SENTENCE, first_ms=900, gap_ms=50), name) for name in "ab"]
    caller = Caller(clock, *models)
    await caller.model.warm_up()
    async with aclosing(caller.model.reply(REQUEST)) as reply:
        await anext(reply)
    assert [model.open for model in models] == [0, 0]


async def test_hanging_up_before_the_first_token_closes_everything(clock: ManualClock) -> None:
    models = [saying(Reply("x", stall_at=0), name) for name in "ab"]
    caller = Caller(clock, *models)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.7):
            await caller.ask()
    assert [model.open for model in models] == [0, 0]
    assert [model.closed_early for model in models] == [1, 1]


class Defective(ScriptedModel):
    """A provider with a bug."""

    async def warm_up(self) -> None:
        raise ZeroDivisionError

    def reply(self, request: ModelRequest) -> object:  # type: ignore[override]
        raise ZeroDivisionError


async def test_a_defect_of_a_provider_ends_no_call(clock: ManualClock) -> None:
    caller = Caller(clock, Defective(name="a"), saying(going_on, "b"))
    await caller.model.warm_up()
    assert await caller.said() == SENTENCE


async def test_replies_at_the_same_time_do_not_mix(clock: ManualClock) -> None:
    breaks = Reply(SENTENCE, first_ms=50, gap_ms=10, fault=BrokenStream("broke"), fault_at=5)
    caller = Caller(clock, saying(breaks, "a"), saying(going_on, "b"))
    assert set(await asyncio.gather(*(caller.said() for _ in range(50)))) == {SENTENCE}


FACTS = "- Parking is free in the yard.\n- We open at nine and we close at five."


class Standby:
    """Models that fail as told, and the one on this machine behind them."""

    def __init__(self, clock: ManualClock, *models: LanguageModel) -> None:
        self.decisions: list[Decision] = []
        embedded = EmbeddedAnswers(StillWorkers())
        self.model = FailoverModel(models, clock, standby=embedded).watched(self.decisions.append)

    async def said(self, question: str) -> str:
        request = ModelRequest("Help.", [Message("caller", question)], "en", 50, facts=FACTS)
        async with aclosing(self.model.reply(request)) as events:
            return "".join([event.text async for event in events if isinstance(event, TextDelta)])


@pytest.mark.parametrize(
    "failing", [Reply(fault=NO), Reply(stall_at=0), None], ids=["refuses", "hangs", "none"]
)
async def test_when_all_others_fail_the_one_on_this_machine_answers(
    clock: ManualClock, failing: Reply | None
) -> None:
    it = Standby(clock, *([saying(failing, "a"), saying(failing, "b")] if failing else []))
    for _ in range(8):  # while they are asked, and when they are asked no longer
        began_s = clock.now()
        assert await it.said("where can I park") == "Parking is free in the yard."
        assert clock.now() - began_s <= 1.9
    assert it.decisions[-1].provider == "embedded"


async def test_the_one_on_this_machine_is_no_hedge(clock: ManualClock) -> None:
    it = Standby(clock, saying(Reply("Behind the house.", first_ms=1550), "a"))
    await it.model.warm_up()
    for _ in range(30):
        it.model.providers["a"].first_tokens.learn(0.1)
        it.model.tokens.turn()
    assert await it.said("where can I park") == "Behind the house."
    assert {decision.provider for decision in it.decisions} == {"a"}


async def test_what_a_model_broke_off_is_not_answered_anew_on_this_machine(clock: ManualClock) -> None:
    breaks = Reply("You can park behind", fault=BrokenStream("a: gone"), fault_at=3)
    it = Standby(clock, saying(breaks, "a"))
    with pytest.raises(BrokenStream, match="a: gone") as failure:
        await it.said("where can I park")
    assert failure.value.emitted == "You can"


async def test_not_to_know_an_answer_is_no_fault_of_the_one_on_this_machine(clock: ManualClock) -> None:
    it = Standby(clock, saying(Reply(fault=NO), "a"))
    for _ in range(8):
        with pytest.raises(Refused, match="no"):
            await it.said("colourless green ideas sleep furiously")
    assert it.model.report()["embedded"]["state"] == "healthy"


async def test_what_is_given_up_shows_in_what_is_asked(clock: ManualClock) -> None:
    asked: list[ModelRequest] = []

    def noting(request: ModelRequest) -> Reply:
        asked.append(request)
        return going_on(request)

    model = FailoverModel([saying(noting, "a"), saying(noting, "b")], clock, bigger=["a"])
    assert ([one.name for one in model.serving("en")], model.hedges) == (["a", "b"], True)
    model.economy.in_force = frozenset(MEASURES[:1])
    _ = [event async for event in model.reply(REQUEST)]
    assert "one short sentence" in instructions(asked[-1])
    assert "one short sentence" not in instructions(REQUEST)
    model.economy.in_force = frozenset(MEASURES[:2])
    assert ([one.name for one in model.serving("en")], model.hedges) == (["b", "a"], True)
    model.economy.in_force = frozenset(MEASURES[:3])
    assert not model.hedges


async def test_nobody_hedges_where_that_is_given_up(clock: ManualClock) -> None:
    caller = Caller(clock, saying(Reply(stall_at=0), "a"), saying(going_on, "b"))
    caller.model.economy.in_force = frozenset(["no_hedge"])
    for _ in range(30):
        caller.model.providers["a"].first_tokens.learn(0.1)
        caller.model.tokens.turn()
    assert await caller.said() == SENTENCE
    assert (caller.decisions[1].provider, caller.decisions[1].why) == ("b", "late")

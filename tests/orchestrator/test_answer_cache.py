"""A model's answers are given again to who asks the same, and to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import pytest

from app.clock import ManualClock
from app.errors import Refused
from app.orchestrator.answer_cache import ANSWERS_MAX, TTL_S, Answers, RememberingModel
from app.orchestrator.cache_figures import CacheFigures
from app.orchestrator.failover import Decision, FailoverModel
from app.orchestrator.ladder import MEASURES
from providers.base import Message, ModelRequest, OutcomeChosen, TextDelta, Tool, ToolCall
from providers.scripted_model import Reply, ScriptedModel

ASKED = ModelRequest("Help with {}.", [Message("caller", "Is there parking?")], "en", 50, reuse="v1 answer")


@dataclass
class Nearness:
    """Everything is as near as it is told."""

    score: float = 1.0
    name: str = "fake"
    healthy: bool = True
    asked: list[str] = field(default_factory=list)

    async def prepare(self, sentences: Sequence[str]) -> None:
        """Nothing to learn."""

    async def similarities(self, text: str, sentences: Sequence[str]) -> Sequence[float]:
        self.asked.append(text)
        if self.score < 0:
            raise Refused("no model")
        return [self.score] * len(sentences)

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        """Nothing to release."""


class Asked:
    """`count` is how often the model was asked; every answer is numbered."""

    def __init__(self, clock: ManualClock, nearness: Nearness | None) -> None:
        self.count = 0
        self.figures = CacheFigures()
        self.model = RememberingModel(ScriptedModel(self.reply), Answers(clock), self.figures, nearness)

    def reply(self, request: ModelRequest) -> Reply:
        self.count += 1
        return Reply(f"Answer {self.count}.", [OutcomeChosen("answered")])

    async def answer(self, request: ModelRequest = ASKED) -> str:
        async with aclosing(self.model.reply(request)) as events:
            said = [event async for event in events]
        assert any(isinstance(event, OutcomeChosen) for event in said)
        return "".join(event.text for event in said if isinstance(event, TextDelta))


def asking(clock: ManualClock, nearness: Nearness | None = None) -> Asked:
    return Asked(clock, nearness)


def said(words: str) -> ModelRequest:
    return replace(ASKED, messages=[Message("caller", words)])


async def test_who_asks_the_same_is_told_the_same(clock: ManualClock) -> None:
    asked = asking(clock)
    assert await asked.answer() == "Answer 1."
    assert await asked.answer(said("is there parking")) == "Answer 1."
    assert asked.count == 1
    assert (asked.figures.answers, asked.figures.answers_known) == (2, 1)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, reuse="v2 answer"),
        replace(ASKED, instruction="Help with cars."),
        replace(ASKED, language="es"),
        replace(ASKED, facts="Parking is free."),
        replace(ASKED, messages=[Message("agent", "Hello."), *ASKED.messages]),
        replace(ASKED, outcomes={"answered": "answered"}),
    ],
)
async def test_what_else_the_model_is_given_must_be_the_same(clock: ManualClock, other: ModelRequest) -> None:
    asked = asking(clock)
    await asked.answer()
    assert await asked.answer(other) == "Answer 2."


@pytest.mark.parametrize("other", [replace(ASKED, reuse=""), replace(ASKED, begun="There")])
async def test_answers_for_one_caller_alone_are_not_kept(clock: ManualClock, other: ModelRequest) -> None:
    asked = asking(clock)
    await asked.answer(other)
    assert await asked.answer(other) == "Answer 2."


@pytest.mark.parametrize(
    ("words", "score", "same"),
    [
        ("do you have parking", 0.9, True),
        ("do you have parking please", 0.8, True),
        ("do you have parking", 0.79, False),
        ("do you have no parking", 1.0, False),
        ("is there parking for two", 1.0, False),
        ("is there parking after nine", 1.0, False),
        ("do you have parking", -1.0, False),
    ],
)
async def test_words_may_differ_where_they_mean_the_same(
    clock: ManualClock, words: str, score: float, same: bool
) -> None:
    asked = asking(clock, Nearness(score))
    await asked.answer()
    assert await asked.answer(said(words)) == ("Answer 1." if same else "Answer 2.")


async def test_after_half_an_hour_the_model_is_asked_again(clock: ManualClock) -> None:
    asked = asking(clock)
    await asked.answer()
    await asyncio.sleep(TTL_S - 1)
    assert await asked.answer() == "Answer 1."
    await asyncio.sleep(2)
    assert await asked.answer() == "Answer 2."


async def test_an_answer_that_used_a_tool_is_not_kept(clock: ManualClock) -> None:
    tool = Tool("look", "looks", {"type": "object"})
    model = ScriptedModel(lambda request: Reply("I look.", [ToolCall("1", "look", {})]))
    figures = CacheFigures()
    remembering = RememberingModel(model, Answers(clock), figures)
    for _ in range(2):
        async with aclosing(remembering.reply(replace(ASKED, tools=[tool]))) as events:
            assert [event async for event in events]
    assert (figures.answers, figures.answers_known) == (2, 0)


class Chained:
    """A chain of one model, which fails for as long as it is `down`, and of one that stands by."""

    def __init__(self, clock: ManualClock) -> None:
        self.down, self.said = False, "A whole sentence."
        self.chain = FailoverModel(
            [ScriptedModel(self.reply, name="first")],
            clock,
            standby=ScriptedModel(lambda request: Reply("A word."), name="near"),
        )
        self.model = RememberingModel(self.chain, Answers(clock), CacheFigures())

    def reply(self, request: ModelRequest) -> Reply:
        return Reply(self.said, fault=Refused("down") if self.down else None)

    async def answer(self) -> str:
        async with aclosing(self.model.reply(ASKED)) as events:
            return "".join([event.text async for event in events if isinstance(event, TextDelta)])


async def test_what_stands_in_for_a_model_is_heard_and_not_kept(clock: ManualClock) -> None:
    asked = Chained(clock)
    asked.down = True
    assert await asked.answer() == "A word."
    asked.down = False
    assert await asked.answer() == "A whole sentence."
    asked.down = True
    assert await asked.answer() == "A whole sentence."


async def test_what_was_short_because_time_was_is_heard_and_not_kept(clock: ManualClock) -> None:
    asked = Chained(clock)
    asked.chain.economy.in_force = frozenset(MEASURES[:1])
    asked.said = "Briefly."
    assert await asked.answer() == "Briefly."
    asked.chain.economy.in_force = frozenset()
    asked.said = "At length."
    assert await asked.answer() == "At length."
    asked.said = "Anew."
    assert await asked.answer() == "At length."


async def test_it_is_told_who_answered(clock: ManualClock) -> None:
    decisions: list[Decision] = []
    chain = FailoverModel([ScriptedModel(lambda request: Reply("Yes."), name="first")], clock)
    remembering = RememberingModel(chain, Answers(clock), CacheFigures())
    for _ in range(2):
        async with aclosing(remembering.watched(decisions.append).reply(ASKED)) as events:
            assert [event async for event in events]
    assert [one.provider for one in decisions if one.what == "answered"] == ["first", "memory"]


async def test_it_is_bounded(clock: ManualClock) -> None:
    asked = asking(clock)
    for number in range(ANSWERS_MAX + 1):
        await asked.answer(said(f"question {number}"))
    assert await asked.answer(said("question 0")) == f"Answer {ANSWERS_MAX + 2}."

"""Replies that are begun while the caller still speaks: on words that may be all, and heard only if they were."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.clock import ManualClock
from app.flow.asking import QuestionGrammar
from app.simulator.steps import Say, StaySilent
from providers.base import ModelRequest
from providers.scripted import Heard
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import flows_in, unacknowledged

FLOW = """\
flow: desk
format: 1
languages: [en]
start: top
intents: {ask: {phrases: [a question about sundays]}, buy: {phrases: [a table]}}
nodes:
  top:
    menu: How can I help?
    choices: [{intent: ask, press: 1, goto: talk}, {intent: buy, press: 2, goto: talk}]
  talk: {llm: Answer., outcomes: {done: bye}, failed: bye}
  bye: {hangup: Goodbye.}
"""
OPEN = FLOW.replace("start: top", "start: talk")
FIRST_MS = 600.0


@dataclass
class Talk:
    """One turn of a caller's: when it ended, when each reply was asked for, and what the journal says of it."""

    clock: ManualClock
    asked_s: list[float] = field(default_factory=list)
    model: ScriptedModel = field(init=False)
    t0_s: float = 0.0
    journal: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = ScriptedModel(self._reply)

    def _reply(self, request: ModelRequest) -> Reply:
        self.asked_s.append(self.clock.now())
        last = request.messages[-1].text if request.messages else "you"
        return Reply(f"This is about {last}.", first_ms=FIRST_MS if request.messages else 0.0)

    @property
    def begun_before_t0(self) -> int:
        return sum(at < self.t0_s for at in self.asked_s)

    @property
    def said(self) -> str:
        return " ".join(event["text"] for event in events(self.journal, "said"))

    @property
    def answer_ms(self) -> float:
        return float(events(self.journal, "turn")[0]["timeline"]["answer_ms"])


async def talk(clock: ManualClock, tmp_path: Path, heard: Heard, said: str, flow: str = FLOW) -> Talk:
    """`said` takes 60 ms a letter; the recogniser makes of it what `heard` says."""
    found, settings = Talk(clock), unacknowledged(flows_in(tmp_path, flow))
    async with running(clock, tmp_path, [heard], settings=settings, model=found.model) as relay:
        began = clock.now()
        placed = await relay.call("desk", [Say(said), StaySilent(5)])
    found.t0_s = began + (placed.report.turns[0].t0_s or 0.0)
    found.journal = relay.journal(placed)
    return found


async def test_an_answer_to_the_question_is_replied_to_before_it_is_over(
    clock: ManualClock, tmp_path: Path
) -> None:
    words = "a question about sundays"
    heard = Heard(f"{words}, please, thank you.", ((400, "a"), (800, words), (1200, f"{words} please")))
    found = await talk(clock, tmp_path, heard, "a question about sundays please thank you")
    assert len(found.model.requests) == found.begun_before_t0 == 1
    assert found.asked_s[0] < found.t0_s - 1.0
    assert found.answer_ms < 450
    (utterance,) = events(found.journal, "utterance")
    assert utterance["text"] == heard.text
    assert found.said == f"How can I help? This is about {words}."


async def test_words_that_stay_the_same_are_replied_to_before_the_turn_is_over(
    clock: ManualClock, tmp_path: Path
) -> None:
    heard = Heard("what about sundays um", ((300, "what"), (500, "what about"), (800, "what about sundays")))
    found = await talk(clock, tmp_path, heard, "what about sundays uuuuuuuuum", OPEN)
    begun = [at for at in found.asked_s if at < found.t0_s]
    assert len(begun) == 2  # the first, and this one
    assert len(found.model.requests) == 2
    assert begun[1] == pytest.approx(found.t0_s - 29 * 0.06 + 0.8 + 0.3, abs=0.15)


async def test_other_words_are_replied_to_anew(clock: ManualClock, tmp_path: Path) -> None:
    words = "a question about sundays"
    heard = Heard("a table", ((400, words),))
    found = await talk(clock, tmp_path, heard, "a question about sundays oh no a table")
    assert [request.messages[-1].text for request in found.model.requests] == [words, "a table"]
    assert found.said == "How can I help? This is about a table."


async def test_a_sentence_in_the_making_is_not_replied_to(clock: ManualClock, tmp_path: Path) -> None:
    heard = Heard("I would like to park there", ((300, "I would"), (600, "I would like to")))
    found = await talk(clock, tmp_path, heard, "I would like to park there please", OPEN)
    assert found.begun_before_t0 == 1  # the first
    assert len(found.model.requests) == 2


async def test_who_says_ever_more_costs_two_guesses_at_most(clock: ManualClock, tmp_path: Path) -> None:
    partials = tuple((400.0 * number, " ".join(["more"] * number)) for number in range(1, 8))
    found = await talk(clock, tmp_path, Heard("more or less", partials), "m" * 60, OPEN)
    assert found.begun_before_t0 == 1 + 2
    assert len(found.model.requests) == 1 + 2 + 1
    assert found.model.open == 0


NUMBER = """\
flow: desk
format: 1
languages: [en]
start: one
slots: {number: {type: digits, length: 10}}
nodes:
  one: {collect: number, ask: Your number?, next: bye}
  talk: {llm: Answer., outcomes: {done: bye}, failed: bye}
  bye: {hangup: Goodbye.}
"""
TALK = "  talk: {llm: Answer., outcomes: {done: bye}, failed: bye}\n"
SECRET = NUMBER.replace("length: 10", "length: 10, sensitive: true")


@pytest.mark.parametrize(
    ("flow", "looks"),
    [(NUMBER, 10), (NUMBER.replace(TALK, ""), 0), (SECRET, 0)],
    ids=["model", "none", "secret"],
)
async def test_words_are_looked_at_only_where_a_model_might_reply_to_them(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow: str, looks: int
) -> None:
    asked, complete = list[str](), QuestionGrammar.complete

    def counted(self: QuestionGrammar, text: str) -> bool | None:
        asked.append(text)
        return complete(self, text)

    monkeypatch.setattr(QuestionGrammar, "complete", counted)
    words = ["four", "four", "seven", "one", "two", "nine", "nine", "oh", "one", "two"]
    said = [" ".join(words[: count + 1]) for count in range(len(words))]
    heard = Heard(said[-1], tuple((300.0 * (count + 1), text) for count, text in enumerate(said)))
    async with running(clock, tmp_path, [heard], settings=flows_in(tmp_path, flow)) as relay:
        await relay.call("desk", [Say("x" * 60), StaySilent(1)])
    assert len(asked) == looks + 1  # and once when the caller paused

"""Replies that are begun before a turn is over: sooner heard, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.call.journal import Journal
from app.call.model_desk import ModelDesk
from app.call.speculation import UNTAKEN_AT_MOST_S, Speculation
from app.call.tasks import Tasks
from app.clock import ManualClock
from app.errors import TimedOut
from app.flow import effects as fx
from app.flow.inputs import ModelFailed, ModelReplied
from app.orchestrator.answer_cache import Answers, RememberingModel
from app.orchestrator.cache_figures import CacheFigures
from app.orchestrator.failover import FailoverModel
from app.orchestrator.ladder import Economy
from app.simulator.caller import Patience
from app.simulator.steps import Say, StaySilent, Step
from providers.base import Message, ModelRequest, OutcomeChosen, TextDelta, ToolCall
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import FakeServices, flows_in, unacknowledged

FLOW = """\
flow: desk
format: 1
languages: [en]
start: top
intents: {ask: {phrases: [a question]}}
nodes:
  top: {menu: How can I help?, choices: [{intent: ask, press: 1, goto: talk}]}
  talk:
    llm: Answer.
    outcomes: {done: bye}
    failed: bye
    tools:
      book:
        description: books
        http: "POST https://api.example/book"
        arguments: {type: object, properties: {}}
  bye: {hangup: Goodbye.}
"""


async def journal_of(
    clock: ManualClock,
    tmp_path: Path,
    model: ScriptedModel,
    script: Sequence[str] = ("a question", "and on sundays"),
    steps: Sequence[Step] = (Say("a question"), Say("and on sundays"), StaySilent(4)),
    answer_s: float = 15.0,
    flow: str = FLOW,
) -> list[dict[str, Any]]:
    settings = unacknowledged(flows_in(tmp_path, flow))
    services = FakeServices(clock, {"/book": [{}]})
    async with running(clock, tmp_path, script, settings=settings, model=model, http=services) as relay:
        placed = await relay.call("desk", steps, patience=Patience(answer_s=answer_s))
    return relay.journal(placed)


def answers_ms(journal: list[dict[str, Any]]) -> list[float]:
    return [event["timeline"]["answer_ms"] for event in events(journal, "turn")]


async def test_a_reply_that_was_begun_early_is_heard_sooner_and_asked_for_once(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = ScriptedModel(lambda request: Reply("We are open.", first_ms=600))
    (tmp_path / "early").mkdir()
    sooner = await journal_of(clock, tmp_path / "early", early)
    monkeypatch.setattr(ModelDesk, "suppose", lambda self, ask: None)
    (tmp_path / "late").mkdir()
    late = ScriptedModel(lambda request: Reply("We are open.", first_ms=600))
    later = await journal_of(clock, tmp_path / "late", late)
    assert len(early.requests) == len(late.requests) == 2
    assert [event["text"] for event in events(sooner, "heard")] == [
        event["text"] for event in events(later, "heard")
    ]
    gained = [after - before for before, after in zip(answers_ms(sooner), answers_ms(later), strict=True)]
    assert min(gained) > 50
    assert all(event["timeline"]["replies_begun_early"] == 1 for event in events(sooner, "turn"))


@pytest.mark.parametrize("goes_on_after_s", [0.4, 0.6, 0.8, 1.0, 1.2])
async def test_what_is_heard_answers_the_words_that_it_was_asked_with(
    clock: ManualClock, tmp_path: Path, goes_on_after_s: float
) -> None:
    model = ScriptedModel(
        lambda request: Reply(
            f"About {request.messages[-1].text if request.messages else 'you'}.", first_ms=500
        )
    )
    script = ["on sundays", "at noon"]
    steps: list[Step] = [Say("on sundays"), Say("at noon then"), StaySilent(6)]
    flow = FLOW.replace("start: top", "start: talk")
    journal = await journal_of(clock, tmp_path, model, script, steps, goes_on_after_s, flow)
    last = events(journal, "utterance")[-1]["text"]
    heard = "".join(event["text"] for event in events(journal, "heard"))
    assert f"About {last}." in heard
    assert model.open == 0


async def test_nothing_of_it_is_known_before_the_turn_is_over(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel(
        [Reply("I am booking.", [ToolCall("1", "book", {})]), Reply("Booked.", [OutcomeChosen("done")])]
    )
    settings = unacknowledged(flows_in(tmp_path, FLOW))
    services = FakeServices(clock, {"/book": [{}]})
    async with running(
        clock, tmp_path, ["a question"], settings=settings, model=model, http=services
    ) as relay:
        placed = await relay.call("desk", [Say("a question"), StaySilent(6)])
    journal = relay.journal(placed)
    asked = events(journal, "utterance")[0]["ms"]
    said = [event["ms"] for event in events(journal, "said") if event["node"] == "talk"]
    assert said
    assert min(said) >= asked
    assert services.asked
    assert all(at * 1000 >= asked for at, _ in services.asked)


async def test_a_turn_begins_four_replies_at_most_and_takes_the_one_to_its_words(clock: ManualClock) -> None:
    model = ScriptedModel(lambda request: Reply(request.messages[-1].text, first_ms=100))
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(model, Tasks(group), Economy())
        for words in ("one", "two", "three", "Three!", "four", "five", "six"):
            speculation.suppose(request(words))
            await asyncio.sleep(0.01)
        assert speculation.begun == len(model.requests) == 4
        assert speculation.take(request("six")) is None
        speculation.forget()
        speculation.suppose(request("and now"))
        early = speculation.take(request("And now?"))
        assert early
        said = [event.text async for event in early.events() if isinstance(event, TextDelta)]
    assert said == ["and", " now"]
    assert (model.open, model.closed_early) == (0, 4)


async def test_a_reply_that_was_begun_for_other_words_is_not_taken(clock: ManualClock) -> None:
    model = ScriptedModel(lambda request: Reply("Yes.", first_ms=100))
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(model, Tasks(group), Economy())
        speculation.suppose(request("on monday"))
        await asyncio.sleep(0.01)
        assert speculation.take(request("on sunday")) is None
    assert model.closed_early == 1


async def test_a_reply_that_failed_early_is_asked_for_anew(clock: ManualClock) -> None:
    model = ScriptedModel([Reply(fault=TimedOut("nobody there")), Reply("Yes.")])
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(model, Tasks(group), Economy())
        speculation.suppose(request("on monday"))
        await asyncio.sleep(0.01)
        assert speculation.take(request("on monday")) is None
        speculation.suppose(request("on monday"))
        await asyncio.sleep(0.01)
        assert speculation.take(request("on monday"))


@pytest.mark.parametrize(
    ("said", "language"), [("On Monday, um, please. Thank you.", "en"), ("On Monday", "hi")]
)
async def test_courtesies_do_not_change_what_was_asked(clock: ManualClock, said: str, language: str) -> None:
    model = ScriptedModel(lambda request: Reply("Yes."))
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(model, Tasks(group), Economy())
        speculation.suppose(replace(request("on monday"), language=language))
        assert speculation.take(replace(request(said), language=language))


class NoCounter:
    """Nobody stands at the desk."""

    def say_waiting(self, say: fx.Say) -> None: ...

    async def silence(self) -> None: ...

    def say_reply(self, ask: fx.AskModel, text: str, asked: float) -> None: ...

    def model_answered(self, ask: fx.AskModel, answer: ModelReplied | ModelFailed) -> None: ...


WORDS = " ".join(["word"] * 30)  # half a second each, so 15 s of them


async def test_a_reply_that_was_taken_may_take_longer_than_one_that_nobody_wants_yet(
    clock: ManualClock,
) -> None:
    model = ScriptedModel(lambda request: Reply(WORDS, gap_ms=500))
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(model, Tasks(group), Economy())
        speculation.suppose(request("on monday"))
        await asyncio.sleep(1)
        early = speculation.take(request("on monday"))
        assert early
        said = "".join([event.text async for event in early.events() if isinstance(event, TextDelta)])
    assert clock.now() > UNTAKEN_AT_MOST_S
    assert (said, model.closed_early) == (WORDS, 0)


async def test_a_reply_that_nobody_takes_ends_and_may_be_begun_again(clock: ManualClock) -> None:
    model = ScriptedModel(lambda request: Reply(WORDS, gap_ms=500))
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(model, Tasks(group), Economy())
        speculation.suppose(request("on monday"))
        await asyncio.sleep(UNTAKEN_AT_MOST_S + 1)
        assert (model.open, model.closed_early) == (0, 1)
        assert speculation.take(request("on monday")) is None
        speculation.suppose(request("on monday"))
        await asyncio.sleep(1)
        assert model.open == 1
        speculation.forget()


async def test_a_desk_that_is_left_before_it_began_lets_the_reply_go(
    clock: ManualClock, tmp_path: Path
) -> None:
    model = ScriptedModel(lambda request: Reply(stall_at=0))
    ask = fx.AskModel("talk", "reply", "Answer.", (), "en", 100, timeout_ms=20_000)
    async with asyncio.TaskGroup() as group:
        desk = ModelDesk(model, clock, Journal(tmp_path, "CA1", clock), Tasks(group), NoCounter(), Economy())
        desk.suppose(ask)
        await asyncio.sleep(0.1)
        desk.ask(ask)
        desk.cancel()
    assert (model.open, model.closed_early) == (0, 1)


@pytest.mark.parametrize("taken", [True, False])
async def test_only_replies_that_are_taken_count_as_turns(clock: ManualClock, taken: bool) -> None:
    chain, figures = FailoverModel([ScriptedModel(["Yes."])], clock), CacheFigures()
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(RememberingModel(chain, Answers(clock), figures), Tasks(group), Economy())
        for turn in range(11):
            for words in (f"{turn} on", f"{turn} on monday"):
                asked = replace(request(words), reuse="v1 answer")
                speculation.suppose(asked)
                await asyncio.sleep(0.1)
            if taken:
                assert speculation.take(asked)
            speculation.forget()
    assert figures.answers == (11 if taken else 0)
    assert chain.tokens.take() == taken  # eleven turns pay for one hedge
    assert not chain.tokens.take()


async def test_nothing_is_begun_early_where_that_is_given_up(clock: ManualClock) -> None:
    model, economy = ScriptedModel(["Yes."]), Economy()
    async with asyncio.TaskGroup() as group:
        speculation = Speculation(model, Tasks(group), economy)
        economy.in_force = frozenset(["no_early_replies"])
        speculation.suppose(request("on monday"))
        await asyncio.sleep(0.1)
        assert (speculation.begun, len(model.requests)) == (0, 0)
        assert speculation.take(request("on monday")) is None


def request(words: str) -> ModelRequest:
    return ModelRequest("Answer.", [Message("caller", words)], "en", 100)

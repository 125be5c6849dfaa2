"""Callers who go on after a pause, whatever is being done about their first words just then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.audio.endpoint import COMPLETE_MS, UNLIKELY_MS
from app.clock import ManualClock
from app.simulator.caller import Patience
from app.simulator.steps import BargeIn, Say, StaySilent, Step
from tests.call.relay import events, running
from tests.call.services import FakeServices, flows_in, unacknowledged

FLOW = """\
flow: shop
format: 1
languages: [en]
start: top
intents:
  cancel: {phrases: [cancel it], examples: [call it off]}
nodes:
  top: {menu: How can I help?, choices: [{intent: cancel, goto: bye}]}
  bye: {hangup: Goodbye.}
"""


class SlowSimilarity:
    """Finds nothing similar, in nearly all the time that there is."""

    name, healthy = "slow", True

    async def prepare(self, sentences: Sequence[str]) -> None: ...

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...

    async def similarities(self, text: str, sentences: Sequence[str]) -> Sequence[float]:
        await asyncio.sleep(0.14)
        return [0.0] * len(sentences)


@pytest.mark.parametrize("goes_on_after_s", [UNLIKELY_MS / 1000 + at for at in (-0.01, 0.03, 0.07)])
async def test_who_goes_on_while_their_words_are_compared_is_heard_as_one(
    clock: ManualClock, tmp_path: Path, goes_on_after_s: float
) -> None:
    settings = flows_in(tmp_path, FLOW)
    script = ["colourless green ideas", "cancel it"]
    async with running(clock, tmp_path, script, settings=settings, similarity=SlowSimilarity()) as relay:
        steps: list[Step] = [Say("colourless green ideas"), Say("cancel it now"), StaySilent(3)]
        placed = await relay.call("shop", steps, patience=Patience(answer_s=goes_on_after_s))
    journal = relay.journal(placed)
    assert len(events(journal, "taken_back")) == 1
    assert [event["text"] for event in events(journal, "utterance")] == ["colourless green ideas cancel it"]
    assert events(journal, "error") == []


ASKING = """\
flow: shop
format: 1
languages: [en]
start: first
slots: {day: {type: date}}
nodes:
  first: {confirm: Shall I book a table?, yes: second, no: bye}
  second: {confirm: "Very well. Shall I send you a text message about it, too?", yes: day, no: bye}
  day: {collect: day, ask: Which day suits you best of all?, next: bye}
  bye: {hangup: Goodbye.}
"""
SECOND = "Very well. Shall I send you a text message about it, too?"
WINDOWS_MS = 64


@pytest.mark.parametrize("rest", ["please", "thank you"])
async def test_a_courtesy_that_takes_a_turn_back_ends_it_as_early_as_the_whole_would(
    clock: ManualClock, tmp_path: Path, rest: str
) -> None:
    settings = flows_in(tmp_path, ASKING)
    steps: list[Step] = [Say("yes"), BargeIn(100, rest), StaySilent(6)]
    async with running(clock, tmp_path, ["yes", rest], settings=settings) as relay:
        placed = await relay.call("shop", steps)
    journal = relay.journal(placed)
    assert len(events(journal, "taken_back")) == 1
    assert [event["text"] for event in events(journal, "utterance")] == ["yes", f"yes {rest}"]
    turn = events(journal, "turn")[-1]
    assert turn["timeline"]["stages"]["endpoint"][1] == pytest.approx(COMPLETE_MS, abs=WINDOWS_MS)
    assert [event["text"] for event in events(journal, "heard")][1:2] == [SECOND]


async def test_what_ends_a_turn_that_was_taken_back_is_both_its_parts(
    clock: ManualClock, tmp_path: Path
) -> None:
    settings = flows_in(tmp_path, ASKING.replace("start: first", "start: day"))
    script = ["on the third", "of march"]
    steps: list[Step] = [Say("on the third"), BargeIn(100, "of march"), StaySilent(6)]
    async with running(clock, tmp_path, script, settings=settings) as relay:
        placed = await relay.call("shop", steps)
    journal = relay.journal(placed)
    assert [event["text"] for event in events(journal, "utterance")][-1] == "on the third of march"
    turn = events(journal, "turn")[-1]
    assert turn["timeline"]["stages"]["endpoint"][1] == pytest.approx(COMPLETE_MS, abs=WINDOWS_MS)


@pytest.mark.parametrize(
    ("rest", "interrupts"),
    [("please", False), ("thank you", False), ("thank you very much", False), ("no not now", True)],
)
async def test_a_courtesy_behind_a_turn_neither_stops_the_answer_nor_answers_the_next_question(
    clock: ManualClock, tmp_path: Path, rest: str, interrupts: bool
) -> None:
    settings = flows_in(tmp_path, ASKING)
    steps: list[Step] = [Say("yes"), BargeIn(650, rest), StaySilent(6)]
    async with running(clock, tmp_path, ["yes", rest], settings=settings) as relay:
        placed = await relay.call("shop", steps)
    journal = relay.journal(placed)
    assert events(journal, "taken_back") == []
    assert bool(events(journal, "interrupted")) is interrupts
    nodes = [event["node"] for event in events(journal, "node_entered")]
    assert nodes == ["first", "second", *(["bye"] if interrupts else [])]


async def test_who_goes_on_behind_a_courtesy_is_given_the_floor_even_if_nobody_listens_any_more(
    clock: ManualClock, tmp_path: Path
) -> None:
    settings = flows_in(tmp_path, ASKING)
    rest = "thank you but wait this is not the day that I meant at all"
    steps: list[Step] = [Say("yes"), BargeIn(650, rest), StaySilent(6)]
    async with running(clock, tmp_path, ["yes", "thank you"], settings=settings) as relay:
        placed = await relay.call("shop", steps)
    assert events(relay.journal(placed), "interrupted")


async def test_a_courtesy_later_than_that_answers_what_is_asked(clock: ManualClock, tmp_path: Path) -> None:
    settings = flows_in(tmp_path, ASKING)
    steps: list[Step] = [Say("yes"), BargeIn(2500, "please"), StaySilent(6)]
    async with running(clock, tmp_path, ["yes", "please"], settings=settings) as relay:
        placed = await relay.call("shop", steps)
    assert [event["node"] for event in events(relay.journal(placed), "node_entered")][-1] == "day"


async def test_a_courtesy_while_a_service_is_asked_answers_nothing(
    clock: ManualClock, tmp_path: Path
) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 3.0)
    flow = ASKING.replace("yes: second", "yes: look").replace(
        "nodes:",
        'nodes:\n  look: {http: "GET https://api.example/free", timeout: 10s, ok: second, failed: bye}',
    )
    settings = unacknowledged(flows_in(tmp_path, flow))
    steps: list[Step] = [Say("yes"), Say("please"), StaySilent(8)]
    async with running(clock, tmp_path, ["yes", "please"], settings=settings, http=services) as relay:
        placed = await relay.call("shop", steps, patience=Patience(answer_s=0.9))
    journal = relay.journal(placed)
    assert [event["text"] for event in events(journal, "utterance")] == ["yes", "please"]
    assert [event["node"] for event in events(journal, "node_entered")] == ["first", "look", "second"]

"""A line that breaks, wherever it breaks: the call goes on, no words are lost and none come twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.call.flow_run import Step
from app.call.resuming import taken_up
from app.call.saying import Left, Prompt
from app.clock import ManualClock
from app.simulator.faults import Faults
from app.simulator.steps import Say, StaySilent
from providers.base import OutcomeChosen, Voice
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import FakeServices, flows_in

FLOW = """\
flow: line
format: 1
languages: [en]
start: one
nodes:
  one: {say: First words., next: look}
  look: {http: "GET https://api.example/free", timeout: 5s, waiting: Hold on., ok: two, failed: bye}
  two: {say: Second words., next: talk}
  talk: {llm: Answer., opening: Of course., outcomes: {done: last}, failed: bye}
  last: {say: Last words., next: bye}
  bye: {hangup: Goodbye.}
"""
REPLY = "The third one. The fourth one. The fifth one."
ALL = [
    *("First words.", "Second words.", "Of course.", "The third one.", "The fourth one.", "The fifth one."),
    *("Last words.", "Goodbye."),
]


@pytest.mark.parametrize("lose_at_ms", range(1350, 7100, 150))
async def test_every_word_is_heard_once_wherever_the_line_breaks(
    clock: ManualClock, tmp_path: Path, lose_at_ms: int
) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 0.7)
    model = ScriptedModel(
        lambda request: Reply(REPLY[len(request.begun) :], [OutcomeChosen("done")], first_ms=300, gap_ms=120)
    )
    settings = flows_in(tmp_path, FLOW)
    async with running(clock, tmp_path, [], settings=settings, http=services, model=model) as relay:
        placed = await relay.call("line", [StaySilent(60)], faults=Faults(lose_at_ms=lose_at_ms))
    journal = relay.journal(placed)
    assert "connection lost" in [event["reason"] for event in events(journal, "stream_ended")]
    heard = [event["text"] for event in events(journal, "heard")]
    assert [text for text in heard if text != "Hold on."] == ALL
    said = [event["text"] for event in events(journal, "said")]
    assert said.count("Hold on.") <= len(services.requests)
    assert placed.report.ended == "server_hung_up"


MENU = """\
flow: menu
format: 1
languages: [en]
start: one
intents: {a: {phrases: [apples]}, b: {phrases: [pears]}}
nodes:
  one: {say: First words., next: two}
  two: {say: Second words., barge_in: none, next: top}
  top: {menu: Which would you like?, again: Once more.,
    timeout: 60s, choices: [{intent: a, press: 1, goto: one}, {intent: b, press: 2, goto: one}]}
"""


@pytest.mark.parametrize("lose_at_ms", range(1900, 5500, 240))
async def test_a_question_is_put_again_only_where_it_had_been_heard(
    clock: ManualClock, tmp_path: Path, lose_at_ms: int
) -> None:
    async with running(clock, tmp_path, [], settings=flows_in(tmp_path, MENU)) as relay:
        placed = await relay.call("menu", [StaySilent(11)], faults=Faults(lose_at_ms=lose_at_ms))
    heard = [event["text"] for event in events(relay.journal(placed), "heard")]
    assert heard[:3] == ["First words.", "Second words.", "Which would you like?"]
    assert set(heard[3:]) <= {"Which would you like?"}


@pytest.mark.parametrize("lose_at_ms", range(6350, 8350, 250))
async def test_a_question_that_was_put_in_other_words_is_put_again_in_those(
    clock: ManualClock, tmp_path: Path, lose_at_ms: int
) -> None:
    async with running(clock, tmp_path, ["colourless"], settings=flows_in(tmp_path, MENU)) as relay:
        placed = await relay.call(
            "menu", [Say("colourless green ideas"), StaySilent(6)], faults=Faults(lose_at_ms=lose_at_ms)
        )
    journal = relay.journal(placed)
    lost, ended = (event["ms"] for event in events(journal, "stream_ended")[:2])
    said = [event["text"] for event in events(journal, "said") if lost <= event["ms"] < ended]
    assert said in (["Sorry, I didn't catch that.", "Once more."], ["Once more."])


def test_words_of_a_moment_that_is_over_are_not_said_again() -> None:
    voice = Voice("hum", "en")
    sign = Prompt("One moment.", "One moment.", "look", voice, passing=True)
    answer = Prompt("It comes tomorrow.", "It comes tomorrow.", "found", voice)
    left, _ = taken_up(Left([sign, answer], ["It"], ["It"]), Step([], None))
    assert left == Left([answer], ["It"], ["It"])

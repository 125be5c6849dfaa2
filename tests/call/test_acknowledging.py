"""Answers that are late: the caller hears in time that they were heard, and the answer is hardly later for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.call.model_desk import ModelDesk
from app.clock import ManualClock
from app.errors import ProviderError, Refused
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.simulator.caller import Patience
from app.simulator.steps import Press, Say, StaySilent, Step
from providers.base import OutcomeChosen
from providers.scripted import ScriptedSynthesizer
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import FakeServices, flows_in

FLOW = """\
flow: desk
format: 1
languages: [en]
start: top
intents: {ask: {phrases: [a question]}, look: {phrases: [my order]}, wait: {phrases: [my parcel]}}
nodes:
  top:
    menu: How can I help?
    choices: [{intent: ask, press: 1, goto: talk}, {intent: look, press: 2, goto: look}, {intent: wait, goto: own}]
  talk: {llm: Answer., outcomes: {done: bye}, failed: bye}
  look: {http: "GET https://api.example/free", timeout: 5s, ok: found, failed: bye}
  own: {http: "GET https://api.example/free", timeout: 5s, waiting: I am looking., ok: found, failed: bye}
  found: {say: It comes tomorrow., next: bye}
  bye: {hangup: Goodbye.}
"""


@pytest.fixture(autouse=True)
def nothing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model takes counts from the end of the turn."""
    monkeypatch.setattr(ModelDesk, "suppose", lambda self, ask: None)


SIGNS = ("One moment.", "Let me see.")
REPLY = "We open at nine in the morning."


async def heard_of(
    clock: ManualClock, tmp_path: Path, words: str, steps: list[Step], late_ms: int
) -> list[dict[str, Any]]:
    """The journal of a call whose answer takes so long."""
    services = FakeServices(clock, {"/free": [{}]}, lambda path: late_ms / 1000)
    model = ScriptedModel([Reply(REPLY, [OutcomeChosen("done")], first_ms=late_ms)])
    settings = flows_in(tmp_path, FLOW)
    voice = ScriptedSynthesizer(first_ms=60)
    async with running(
        clock, tmp_path, [words], voice, settings=settings, http=services, model=model
    ) as relay:
        placed = await relay.call("desk", steps)
    journal = relay.journal(placed)
    assert not any(event["gap_ms"] for event in events(journal, "heard"))
    return journal


def ended_ms(journal: list[dict[str, Any]]) -> float:
    return float(events(journal, "utterance")[0]["ms"])


@pytest.mark.parametrize("words", ["a question", "my order"])
@pytest.mark.parametrize("late_ms", [310, 400, 550, 700, 1200, 2500])
async def test_a_late_answer_is_acknowledged_in_time_and_follows_within_100_ms(
    clock: ManualClock, tmp_path: Path, words: str, late_ms: int
) -> None:
    journal = await heard_of(clock, tmp_path, words, [Say(words), StaySilent(6)], late_ms)
    said = events(journal, "said")
    sign, answer = said[1:3]
    assert sign["text"] in SIGNS
    assert sign["cached"]
    assert sign["ms"] - ended_ms(journal) == pytest.approx(300, abs=20)
    (timeline,) = [event["timeline"] for event in events(journal, "turn")]
    assert timeline["acknowledged"]
    assert timeline["any_ms"] < timeline["answer_ms"]
    ready_ms = ended_ms(journal) + late_ms + 60
    assert answer["text"] not in SIGNS
    assert answer["ms"] <= ready_ms + 100
    assert events(journal, "call_ended")[0]["reason"] == "bye"


def far_and_near(clock: ManualClock, fail: ProviderError | None) -> FailoverSynthesizer:
    """Two voices, the first of which may be down."""
    far = ScriptedSynthesizer(first_ms=60, name="far", fail=fail)
    return FailoverSynthesizer([far, ScriptedSynthesizer(first_ms=60, name="near")], clock)


@pytest.mark.parametrize(
    ("fail", "ahead", "entries"),
    [(None, False, 1000), (None, True, 1), (Refused("down"), True, 1000)],
    ids=["nothing is made ahead", "what was made is gone", "the preferred voice was down"],
)
async def test_the_sign_is_made_in_time_where_it_is_not_there(
    clock: ManualClock, tmp_path: Path, fail: ProviderError | None, ahead: bool, entries: int
) -> None:
    flow = FLOW.replace("start: top", "start: top\nvoices: {en: 'far:Anna'}")
    settings = replace(flows_in(tmp_path, flow), cache_max_entries=entries)
    model = ScriptedModel([Reply(REPLY, [OutcomeChosen("done")], first_ms=1200)])
    voices = far_and_near(clock, fail)
    async with running(
        clock, tmp_path, ["a question"], voices, settings=settings, model=model, prerender=ahead
    ) as relay:
        placed = await relay.call("desk", [Say("a question"), StaySilent(6)])
    journal = relay.journal(placed)
    sign = events(journal, "said")[1]
    assert sign["text"] in SIGNS
    assert sign["ms"] - ended_ms(journal) == pytest.approx(300, abs=20)


@pytest.mark.parametrize("late", [False, True])
async def test_a_sign_that_a_slow_service_would_have_to_make_is_made_here_once_answers_come_too_late(
    clock: ManualClock, tmp_path: Path, late: bool
) -> None:
    far, near = ScriptedSynthesizer(first_ms=500, name="far"), ScriptedSynthesizer(first_ms=60, name="near")
    voices = FailoverSynthesizer([far, near], clock)
    settings = flows_in(tmp_path, FLOW.replace("start: top", "start: top\nvoices: {en: 'far:Anna'}"))
    model = ScriptedModel([Reply(REPLY, [OutcomeChosen("done")], first_ms=1200)])
    async with running(
        clock, tmp_path, ["a question"], voices, settings=settings, model=model, prerender=False
    ) as relay:
        relay.relay.operations.watch.economy.in_force = frozenset(["embedded_signs"] if late else [])
        placed = await relay.call("desk", [Say("a question"), StaySilent(6)])
    journal = relay.journal(placed)
    sign = events(journal, "said")[1]
    assert sign["text"] in SIGNS
    assert sign["ms"] - ended_ms(journal) == pytest.approx(300 if late else 500, abs=20)
    assert list(near.spoken) == ([sign["text"]] if late else [])


async def test_a_sign_that_was_made_here_is_kept(clock: ManualClock, tmp_path: Path) -> None:
    far, near = ScriptedSynthesizer(first_ms=500, name="far"), ScriptedSynthesizer(first_ms=60, name="near")
    settings = flows_in(tmp_path, FLOW.replace("start: top", "start: top\nvoices: {en: 'far:Anna'}"))
    model = ScriptedModel(lambda request: Reply(REPLY, [OutcomeChosen("done")], first_ms=1200))
    voices = FailoverSynthesizer([far, near], clock)
    async with running(
        clock, tmp_path, ["a question"], voices, settings=settings, model=model, prerender=False
    ) as relay:
        relay.relay.operations.watch.economy.in_force = frozenset(["embedded_signs"])
        calls = [await relay.call("desk", [Say("a question"), StaySilent(6)]) for _ in range(2)]
    assert [events(relay.journal(placed), "said")[1]["text"] for placed in calls] == [SIGNS[0]] * 2
    assert list(near.spoken) == [SIGNS[0]]


async def test_where_no_voice_can_say_it_nothing_is_said(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel([Reply(REPLY, [OutcomeChosen("done")], first_ms=1200)])
    voice = ScriptedSynthesizer()
    settings = flows_in(tmp_path, FLOW)
    async with running(
        clock, tmp_path, ["a question"], voice, settings=settings, model=model, prerender=False
    ) as relay:
        voice.fail = Refused("down")
        placed = await relay.call("desk", [StaySilent(1), Say("a question"), StaySilent(6)])
    journal = relay.journal(placed)
    assert events(journal, "said") == []
    assert events(journal, "call_ended")[0]["reason"] == "bye"


@pytest.mark.parametrize(("words", "late_ms"), [("a question", 150), ("my order", 150), ("my parcel", 1200)])
async def test_what_is_in_time_or_has_words_of_its_own_is_not_acknowledged(
    clock: ManualClock, tmp_path: Path, words: str, late_ms: int
) -> None:
    journal = await heard_of(clock, tmp_path, words, [Say(words), StaySilent(6)], late_ms)
    assert not {event["text"] for event in events(journal, "said")} & set(SIGNS)
    (timeline,) = [event["timeline"] for event in events(journal, "turn")]
    assert "acknowledged" not in timeline


async def test_a_key_is_acknowledged_too(clock: ManualClock, tmp_path: Path) -> None:
    journal = await heard_of(clock, tmp_path, "", [Press("2"), StaySilent(6)], 1200)
    (key,) = events(journal, "dtmf")
    sign = next(event for event in events(journal, "said") if event["text"] in SIGNS)
    assert sign["ms"] - key["ms"] == pytest.approx(300, abs=20)


async def test_a_caller_who_goes_on_is_not_talked_to(clock: ManualClock, tmp_path: Path) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 1.2)
    settings = flows_in(tmp_path, FLOW)
    over = Say("the one of last week I mean")
    steps: list[Step] = [Say("my order"), over, StaySilent(6)]
    script = ["my order", "the one of last week"]
    async with running(clock, tmp_path, script, settings=settings, http=services) as relay:
        placed = await relay.call("desk", steps, patience=Patience(answer_s=0.36))
    journal = relay.journal(placed)
    (speaking,) = (turn for turn in placed.report.turns if turn.caller == {"text": over.text})
    assert speaking.t0_s is not None
    talked_over = [
        event for event in events(journal, "said") if speaking.began_s <= event["ms"] / 1000 < speaking.t0_s
    ]
    assert talked_over == []


async def test_each_acknowledgement_is_another(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel([Reply("Yes.", first_ms=900), Reply("No.", [OutcomeChosen("done")], first_ms=900)])
    settings = flows_in(tmp_path, FLOW)
    script = ["a question", "and on sundays"]
    async with running(clock, tmp_path, script, settings=settings, model=model) as relay:
        placed = await relay.call("desk", [Say("a question"), Say("and on sundays"), StaySilent(4)])
    said = [event["text"] for event in events(relay.journal(placed), "said")]
    assert [text for text in said if text in SIGNS] == list(SIGNS)
    assert [one.text for one in model.requests[1].messages] == ["a question", "Yes.", "and on sundays"]

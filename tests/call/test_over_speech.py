"""Answers that become ready while the caller speaks, and callers who speak before they were asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.clock import ManualClock
from app.simulator.caller import Patience
from app.simulator.steps import Say, StaySilent, Step
from providers.base import Hypothesis, OutcomeChosen
from providers.scripted import ScriptedTranscriber, ScriptedTranscriptionStream
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import FakeServices, flows_in, unacknowledged
from tests.call.test_models import desk

FLOW = """\
flow: desk
format: 1
languages: [en]
start: top
nodes:
  top: {confirm: Shall I look it up?, yes: look, no: bye}
  look: {http: "GET https://api.example/free", timeout: 10s, ok: found, failed: bye}
  found: {say: Your parcel comes on Tuesday., next: more}
  more: {confirm: Anything else?, yes: top, no: bye}
  bye: {hangup: Goodbye.}
"""
ANSWER = ["Your parcel comes on Tuesday.", "Anything else?"]
LATE = Patience(answer_s=1.0)


class SlowTranscriber(ScriptedTranscriber):
    """Takes its time over the final words."""

    async def open(self, *given: Any, **named: Any) -> ScriptedTranscriptionStream:
        stream = await super().open(*given, **named)
        finish = stream.finish

        async def slowly() -> Hypothesis:
            words = await finish()
            await asyncio.sleep(0.3)
            return words

        stream.finish = slowly  # type: ignore[method-assign]
        return stream


@pytest.mark.parametrize("ready_s", [1.4, 1.8, 2.2, 2.6])
async def test_an_answer_waits_until_the_caller_is_silent(
    clock: ManualClock, tmp_path: Path, ready_s: float
) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: ready_s)
    over = Say("are you still there I wonder")
    steps: list[Step] = [Say("yes"), over, StaySilent(6), Say("no")]
    script = ["yes", "are you still there", "no"]
    settings = unacknowledged(flows_in(tmp_path, FLOW))
    async with running(clock, tmp_path, script, settings=settings, http=services) as relay:
        placed = await relay.call("desk", steps, patience=LATE)
    journal = relay.journal(placed)
    assert events(journal, "interrupted") == []
    assert [event["text"] for event in events(journal, "said")].count(ANSWER[0]) == 1
    assert [event["text"] for event in events(journal, "heard")][-3:] == [*ANSWER, "Goodbye."]
    assert events(journal, "flow_event") == []
    assert "One moment, please." not in [event["text"] for event in events(journal, "said")]
    (speaking,) = (turn for turn in placed.report.turns if turn.caller == {"text": over.text})
    said_s = next(event["ms"] for event in events(journal, "said") if event["text"] == ANSWER[0]) / 1000
    assert speaking.t0_s is not None
    assert said_s > speaking.t0_s


async def test_a_question_that_is_answered_before_it_is_put_is_not_put(
    clock: ManualClock, tmp_path: Path
) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 1.8)
    flow = FLOW.replace("ok: found", "ok: more")
    script = ["yes", "no thanks"]
    settings = unacknowledged(flows_in(tmp_path, flow))
    ear = SlowTranscriber(script)
    async with running(clock, tmp_path, [], settings=settings, http=services, transcriber=ear) as relay:
        placed = await relay.call("desk", [Say("yes"), Say("no thanks a lot"), StaySilent(5)], patience=LATE)
    journal = relay.journal(placed)
    assert [event["text"] for event in events(journal, "said")] == ["Shall I look it up?", "Goodbye."]


async def test_a_model_is_told_what_was_added_before_its_reply_was_heard(
    clock: ManualClock, tmp_path: Path
) -> None:
    model = ScriptedModel([Reply("We open at nine.", first_ms=2600), Reply("On Sundays at ten.")])
    script = ["a question", "and on sundays"]
    patience = Patience(answer_s=2.5)
    steps: list[Step] = [Say("a question"), Say("and on sundays then please"), StaySilent(3)]
    async with running(
        clock, tmp_path, script, settings=unacknowledged(desk(tmp_path)), model=model
    ) as relay:
        placed = await relay.call("desk", steps, patience=patience)
    journal = relay.journal(placed)
    said = [event["text"] for event in events(journal, "said")]
    assert "We open at nine." not in said
    assert "On Sundays at ten." in said
    assert [one.text for one in model.requests[-1].messages] == ["a question", "and on sundays"]


async def test_a_murmur_does_not_stop_a_reply_that_is_being_made(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel([Reply("We open at nine.", first_ms=3500)])
    patience = Patience(answer_s=2.5)
    steps: list[Step] = [Say("a question"), Say("mm-hm"), StaySilent(5)]
    async with running(
        clock, tmp_path, ["a question", "mm-hm"], settings=unacknowledged(desk(tmp_path)), model=model
    ) as relay:
        placed = await relay.call("desk", steps, patience=patience)
    assert len(model.requests) == 1
    assert "We open at nine." in [event["text"] for event in events(relay.journal(placed), "heard")]


@pytest.mark.parametrize("first_ms", range(1900, 3900, 100))
async def test_a_late_reply_answers_only_the_request_that_it_was_made_for(
    clock: ManualClock, tmp_path: Path, first_ms: int
) -> None:
    replies = [
        Reply(events=[OutcomeChosen("unsure")], first_ms=first_ms),
        Reply("At ten.", [OutcomeChosen("answered")]),
    ]
    model = ScriptedModel(replies)
    patience = Patience(answer_s=1.5)
    steps: list[Step] = [Say("a question"), Say("and on sundays then please"), StaySilent(4)]
    script = ["a question", "and on sundays", "no"]
    ear = SlowTranscriber(script)
    async with running(
        clock, tmp_path, [], settings=unacknowledged(desk(tmp_path)), model=model, transcriber=ear
    ) as relay:
        placed = await relay.call("desk", steps, patience=patience)
    nodes = [event["node"] for event in events(relay.journal(placed), "node_entered")]
    assert ("person" in nodes) == (len(model.requests) == 1)

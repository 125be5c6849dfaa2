"""What a model or a service says after the call has gone on without it is nobody's answer any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.clock import ManualClock
from app.simulator.caller import Patience
from app.simulator.steps import Say, StaySilent, Step
from providers.base import ModelRequest, OutcomeChosen
from providers.scripted import ScriptedTranscriber
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import flows_in, unacknowledged

FLOW = """\
flow: desk
format: 1
languages: [en]
start: top
intents: {ask: {phrases: [a question]}}
nodes:
  top: {menu: How can I help?, choices: [{intent: ask, press: 1, goto: talk}]}
  talk: {llm: Answer., outcomes: {done: bye}, failed: bye}
  bye: {hangup: Goodbye.}
"""
FINAL_MS = 1300.0


@pytest.mark.parametrize("late_ms", range(2150, 2450, 50))
async def test_a_reply_that_is_over_while_other_words_are_understood_is_not_taken(
    clock: ManualClock, tmp_path: Path, late_ms: int
) -> None:
    def reply(request: ModelRequest) -> Reply:
        if len(request.messages) == 1:
            return Reply("", [OutcomeChosen("done")], first_ms=late_ms)
        return Reply("Until noon.")

    model = ScriptedModel(reply)
    transcriber = ScriptedTranscriber(["a question", "and on sundays"], final_ms=FINAL_MS)
    settings = unacknowledged(flows_in(tmp_path, FLOW))
    steps: list[Step] = [Say("a question"), Say("and on sundays"), StaySilent(6)]
    async with running(clock, tmp_path, [], settings=settings, transcriber=transcriber, model=model) as relay:
        placed = await relay.call("desk", steps, patience=Patience(answer_s=1.6))
    journal = relay.journal(placed)
    happened = [(event["event"], event.get("outcome")) for event in journal]
    utterances = [at for at, (what, _) in enumerate(happened) if what == "utterance"]
    assert utterances[0] < happened.index(("model", "done")) < utterances[1]
    assert [event["text"] for event in events(journal, "said")][:2] == ["How can I help?", "Until noon."]

"""Who asks what another caller has asked is answered without a model, where the flow allows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.clock import ManualClock
from app.simulator.steps import Say, StaySilent
from providers.base import OutcomeChosen
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import flows_in

FLOW = """\
flow: desk
format: 1
languages: [en]
start: talk
nodes:
  talk:
    llm: Answer from the facts.
    opening: Ask me.
    outcomes: {{answered: bye}}
    failed: bye
    reuse: {reuse}
  bye: {{hangup: Goodbye.}}
"""
ANSWER = "Parking is free behind the house."


@pytest.mark.parametrize(("reuse", "asked"), [("true", 1), ("false", 2)])
async def test_the_second_caller_is_answered_from_memory(
    clock: ManualClock, tmp_path: Path, reuse: str, asked: int
) -> None:
    model = ScriptedModel(
        lambda request: Reply(ANSWER, [OutcomeChosen("answered")]) if len(request.messages) > 1 else "Yes?"
    )
    model_asked = []
    settings = flows_in(tmp_path, FLOW.format(reuse=reuse))
    async with running(
        clock, tmp_path, lambda n: "is there parking", settings=settings, model=model
    ) as relay:
        for _ in range(2):
            placed = await relay.call("desk", [StaySilent(2), Say("is there parking"), StaySilent(5)])
            assert ANSWER in " ".join(event["text"] for event in events(relay.journal(placed), "said"))
            model_asked.append(sum(len(one.messages) > 1 for one in model.requests))
    assert model_asked == [1, asked]

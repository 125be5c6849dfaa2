"""Callers who go on after a pause, whatever is being done about their first words just then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.clock import ManualClock
from app.simulator.caller import Patience
from app.simulator.steps import Say, StaySilent, Step
from tests.call.relay import events, running
from tests.call.services import flows_in

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


@pytest.mark.parametrize("goes_on_after_s", [0.95, 1.0, 1.05])
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

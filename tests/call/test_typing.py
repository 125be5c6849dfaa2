"""What a caller types in one go, beyond what was asked for."""

from __future__ import annotations

from pathlib import Path

from app.clock import ManualClock
from app.simulator.caller import Patience
from app.simulator.steps import Press, Say, StaySilent, Step
from providers.base import OutcomeChosen
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import flows_in, unacknowledged

FLOW = """\
flow: desk
format: 1
languages: [en]
start: amount
slots:
  amount: {type: number, max: 2000}
  day: {type: digits, length: 2}
intents: {person: {meaning: wants to talk to a person}}
globals: {person: {goto: bye}}
nodes:
  amount: {collect: amount, ask: How many?, keypad: {length: 4}, confirm_value: %s, next: day}
  day: {collect: day, ask: Which day?, next: bye}
  bye: {hangup: Goodbye.}
"""
REFUSED, GOOD = "9999", "1500"


async def nodes_of(
    clock: ManualClock, tmp_path: Path, steps: list[Step], confirm: str = "never"
) -> tuple[list[str], list[str]]:
    """The nodes that a caller comes to, and what happens on the way."""
    async with running(clock, tmp_path, [GOOD], settings=flows_in(tmp_path, FLOW % confirm)) as relay:
        journal = relay.journal(await relay.call("desk", steps))
    assert "".join(e["digits"] for e in events(journal, "dtmf")) == "".join(
        step.digits for step in steps if isinstance(step, Press)
    )
    return (
        [event["node"] for event in events(journal, "node_entered")],
        [event["name"] for event in events(journal, "flow_event")],
    )


async def test_keys_behind_an_entry_that_will_not_do_are_part_of_it(
    clock: ManualClock, tmp_path: Path
) -> None:
    steps: list[Step] = [Press(REFUSED + "78"), StaySilent(4), Press(GOOD), Press("24")]
    nodes, happened = await nodes_of(clock, tmp_path, steps)
    assert nodes == ["amount", "day", "bye"]
    assert happened == ["rejected"]


async def test_an_entry_begun_anew_is_another_one(clock: ManualClock, tmp_path: Path) -> None:
    steps: list[Step] = [Press(REFUSED), StaySilent(1.5), Press(GOOD), Press("24")]
    nodes, happened = await nodes_of(clock, tmp_path, steps)
    assert nodes == ["amount", "day", "bye"]
    assert happened == ["rejected"]


async def test_keys_behind_a_good_entry_answer_the_next_question(clock: ManualClock, tmp_path: Path) -> None:
    nodes, happened = await nodes_of(clock, tmp_path, [Press(GOOD + "24"), StaySilent(1)])
    assert nodes == ["amount", "day", "bye"]
    assert happened == []


async def test_a_no_by_key_may_be_followed_at_once_by_the_right_entry(
    clock: ManualClock, tmp_path: Path
) -> None:
    steps: list[Step] = [Say("fifteen hundred"), Press("2" + "1200"), Press("24")]
    nodes, happened = await nodes_of(clock, tmp_path, steps, "always")
    assert nodes == ["amount", "day", "bye"]
    assert happened == ["no_match"]


async def test_keys_behind_words_that_mean_nothing_are_an_answer(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel(lambda request: Reply("", [OutcomeChosen("none")], first_ms=600))
    settings = unacknowledged(flows_in(tmp_path, FLOW % "never"))
    steps: list[Step] = [Say("the weather is fine"), Press(GOOD), Press("24")]
    async with running(clock, tmp_path, ["the weather is fine"], settings=settings, model=model) as relay:
        placed = await relay.call("desk", steps, patience=Patience(answer_s=1.3))
    journal = relay.journal(placed)
    assert [event["node"] for event in events(journal, "node_entered")] == ["amount", "day", "bye"]

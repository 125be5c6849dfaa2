"""Models in a call: their words are spoken as they come, can be cut, and are remembered as they were heard."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from app.clock import ManualClock
from app.errors import BrokenStream, Refused
from app.orchestrator.failover import FailoverModel
from app.settings import Settings
from app.simulator.steps import BargeIn, Press, Say, StaySilent, Step
from providers.base import OutcomeChosen, ToolCall
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import FakeServices, flows_in

DESK = """\
flow: desk
format: 1
languages: [en]
start: top
slots: {pin: {type: digits, length: 4, sensitive: true}}
intents:
  agent: {phrases: [a person]}
  ask: {phrases: [a question], meaning: asks about parking or opening hours}
  secret: {phrases: [my pin]}
globals: {agent: {press: 0, goto: person}}
nodes:
  top: {menu: How can I help?, choices: [{intent: ask, press: 1, goto: talk}, {intent: secret, goto: pin}]}
  pin: {collect: pin, ask: Your PIN?, next: talk}
  talk:
    llm: Answer from the facts.
    opening: Of course.
    facts: facts/desk.md
    outcomes: {answered: more, unsure: person}
    failed: sorry
    tools:
      cancel:
        description: cancels an order
        http: "DELETE https://api.example/orders/{{ arguments.number }}"
        arguments: {type: object, properties: {number: {type: string}}, required: [number]}
        requires_confirmation: true
  more: {confirm: Anything else?, yes: top, no: bye}
  sorry: {say: Sorry about that., next: more}
  person: {say: I will fetch somebody., next: bye}
  bye: {hangup: Goodbye.}
"""
FACTS = (
    "# Desk\n- Parking is free behind the building, for two hours.\n- We open at nine and close at five.\n"
)
LONG = (
    "There is a lot of parking behind the building. It is free for two hours. After that it costs one pound."
)


def desk(directory: Path) -> Settings:
    (directory / "flows" / "facts").mkdir(parents=True)
    (directory / "flows" / "facts" / "desk.md").write_text(FACTS)
    return flows_in(directory, DESK)


def texts(journal: list[dict[str, object]], name: str) -> list[object]:
    return [event["text"] for event in events(journal, name)]


async def test_words_are_spoken_as_they_come(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel([Reply(LONG, [OutcomeChosen("answered")], first_ms=400, gap_ms=150)])
    settings = desk(tmp_path)
    script = ["a question", "no"]
    async with running(clock, tmp_path, script, settings=settings, model=model) as relay:
        placed = await relay.call("desk", [Say("a question"), StaySilent(8), Say("no")])
    journal = relay.journal(placed)
    said = texts(journal, "said")
    assert said[1] == "Of course."
    assert " ".join(map(str, said[2 : said.index("Anything else?")])) == LONG
    (asked,) = events(journal, "model")
    assert (asked["outcome"], asked["model"], asked["reason"]) == ("answered", "scripted", None)
    first = next(event["ms"] for event in events(journal, "said") if str(event["text"]).startswith("There"))
    assert (
        first
        < events(journal, "utterance")[0]["ms"] + 2000
        < asked["ms"] + events(journal, "utterance")[0]["ms"]
    )
    (request,) = model.requests
    assert [one.text for one in request.messages] == ["a question"]
    assert "Parking is free" in request.facts


async def test_a_caller_who_interrupts_is_answered_and_history_is_what_was_heard(
    clock: ManualClock, tmp_path: Path
) -> None:
    model = ScriptedModel([Reply(LONG), Reply("On Sundays too.", [OutcomeChosen("answered")])])
    settings = desk(tmp_path)
    steps: list[Step] = [Say("a question"), BargeIn(3500, "and on sundays then"), StaySilent(5), Say("no")]
    script = ["a question", "and on sundays", "no"]
    async with running(clock, tmp_path, script, settings=settings, model=model) as relay:
        placed = await relay.call("desk", steps)
    journal = relay.journal(placed)
    assert len(events(journal, "interrupted")) == 1
    roles = [(one.role, one.text) for one in model.requests[1].messages]
    assert [role for role, _ in roles] == ["caller", "agent", "caller"]
    heard = roles[1][1]
    assert LONG.startswith(heard)
    assert 0 < len(heard) < len(LONG)
    assert roles[2][1] == "and on sundays"
    assert texts(journal, "said")[-2:] == ["Anything else?", "Goodbye."]


async def test_a_reply_that_is_interrupted_while_it_is_made_is_given_up(
    clock: ManualClock, tmp_path: Path
) -> None:
    model = ScriptedModel([Reply(LONG, gap_ms=400), Reply("All right.", [OutcomeChosen("answered")])])
    settings = desk(tmp_path)
    steps: list[Step] = [Say("a question"), BargeIn(2500, "stop please now"), StaySilent(4), Say("no")]
    async with running(
        clock, tmp_path, ["a question", "stop it now", "no"], settings=settings, model=model
    ) as relay:
        placed = await relay.call("desk", steps)
    journal = relay.journal(placed)
    assert model.closed_early == 1
    assert model.open == 0
    assert "All right." in texts(journal, "said")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(fault=Refused("quota")),
        Reply("There is a lot of parking. Behind", fault=BrokenStream("gone"), fault_at=6),
        Reply(LONG, stall_at=0),
    ],
)
async def test_a_model_that_fails_leads_on_with_an_apology(
    clock: ManualClock, tmp_path: Path, reply: Reply
) -> None:
    settings = desk(tmp_path)
    async with running(
        clock, tmp_path, ["a question", "no"], settings=settings, model=ScriptedModel([reply])
    ) as relay:
        placed = await relay.call("desk", [Say("a question"), StaySilent(28), Say("no")])
    journal = relay.journal(placed)
    said = texts(journal, "said")
    at = said.index("I'm sorry, I can't answer that right now.")
    assert said[at + 1 : at + 3] == ["Sorry about that.", "Anything else?"]
    assert said[1:3] == ["Of course.", said[2]]
    times = [event["ms"] for name in ("said", "heard") for event in events(journal, name)]
    waited = sorted(ms for ms in times if ms <= events(journal, "said")[at]["ms"])
    assert max(after - before for before, after in itertools.pairwise(waited)) < 4000


async def test_a_tool_is_used_after_the_caller_agrees_and_once(clock: ManualClock, tmp_path: Path) -> None:
    use = ToolCall("1", "cancel", {"number": "12"})
    model = ScriptedModel([Reply(events=[use]), Reply("It is cancelled.", [OutcomeChosen("answered")])])
    services = FakeServices(clock, {"/orders/12": [{"ok": True}]}, lambda path: 0.2)
    settings = desk(tmp_path)
    script = ["a question", "yes", "no"]
    async with running(clock, tmp_path, script, settings=settings, model=model, http=services) as relay:
        placed = await relay.call("desk", [Say("a question"), Say("yes"), StaySilent(4), Say("no")])
    journal = relay.journal(placed)
    assert services.requests == ["DELETE /orders/12"]
    assert "Shall I do that now?" in texts(journal, "said")
    last = model.requests[1].messages[-1]
    assert (last.role, last.text, last.tool_call_id) == ("tool", '{"ok": true}', "1")
    assert "It is cancelled." in texts(journal, "said")


async def test_a_key_leads_away_from_a_model(clock: ManualClock, tmp_path: Path) -> None:
    settings = desk(tmp_path)
    async with running(
        clock, tmp_path, ["a question"], settings=settings, model=ScriptedModel([Reply(LONG)])
    ) as relay:
        placed = await relay.call("desk", [Say("a question"), Press("0")])
    nodes = [event["node"] for event in events(relay.journal(placed), "node_entered")]
    assert nodes == ["top", "talk", "person", "bye"]


async def test_what_is_sensitive_is_not_told_to_a_model(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel([Reply("Fine.", [OutcomeChosen("answered")])])
    settings = desk(tmp_path)
    async with running(clock, tmp_path, ["my pin", "4711", "no"], settings=settings, model=model) as relay:
        await relay.call("desk", [Say("my pin"), Say("4711"), StaySilent(3), Say("no")])
    (request,) = model.requests
    assert "4711" not in str(request)
    assert list(request.messages) == []


async def test_the_embedded_model_answers_from_the_facts(clock: ManualClock, tmp_path: Path) -> None:
    settings = desk(tmp_path)
    script = ["where can I park", "no"]
    async with running(clock, tmp_path, script, settings=settings) as relay:
        placed = await relay.call("desk", [Say("where can I park"), StaySilent(7), Say("no")])
    journal = relay.journal(placed)
    assert [event["purpose"] for event in events(journal, "model")] == ["choose", "reply"]
    assert [event["node"] for event in events(journal, "node_entered")] == ["top", "talk", "more", "bye"]
    assert "Parking is free behind the building, for two hours." in " ".join(map(str, texts(journal, "said")))


async def test_a_model_that_is_too_late_to_choose_is_not_waited_for(
    clock: ManualClock, tmp_path: Path
) -> None:
    model = ScriptedModel([Reply(events=[OutcomeChosen("ask")], first_ms=5000)])
    settings = desk(tmp_path)
    async with running(clock, tmp_path, ["colourless green ideas"], settings=settings, model=model) as relay:
        placed = await relay.call("desk", [Say("colourless green ideas"), StaySilent(2)])
    journal = relay.journal(placed)
    assert [event["name"] for event in events(journal, "flow_event")] == ["no_match"]
    assert placed.report.turns[0].any_audio_ms is not None
    assert placed.report.turns[0].any_audio_ms < 2500


async def test_a_model_that_breaks_off_is_gone_on_with_and_the_journal_says_so(
    clock: ManualClock, tmp_path: Path
) -> None:
    first = ScriptedModel(
        [Reply(LONG, gap_ms=50, fault=BrokenStream("first: gone"), fault_at=8)], name="first"
    )
    other = ScriptedModel(
        lambda request: Reply(LONG[len(request.begun) :], [OutcomeChosen("answered")], first_ms=100),
        name="other",
    )
    model = FailoverModel([first, other], clock)
    script = ["a question", "no"]
    async with running(clock, tmp_path, script, settings=desk(tmp_path), model=model) as relay:
        placed = await relay.call("desk", [Say("a question"), StaySilent(8), Say("no")])
    journal = relay.journal(placed)
    said = texts(journal, "said")
    assert " ".join(map(str, said[2 : said.index("Anything else?")])) == LONG
    (switch,) = events(journal, "failover")
    assert {name: switch[name] for name in ("role", "left", "taken", "why", "after_ms")} == {
        "role": "model",
        "left": "first",
        "taken": "other",
        "why": "first: gone",
        "after_ms": 400,
    }
    (asked,) = events(journal, "model")
    assert (asked["model"], asked["outcome"]) == ("other", "answered")


async def test_when_all_models_are_down_the_journal_says_why(clock: ManualClock, tmp_path: Path) -> None:
    models = [ScriptedModel([Reply(fault=Refused(f"{name}: HTTP 500"))], name=name) for name in ("a", "b")]
    model = FailoverModel(models, clock)
    async with running(clock, tmp_path, ["a question", "no"], settings=desk(tmp_path), model=model) as relay:
        placed = await relay.call("desk", [Say("a question"), StaySilent(8), Say("no")])
    journal = relay.journal(placed)
    assert "Sorry about that." in texts(journal, "said")
    assert [(switch["left"], switch["taken"], switch["why"]) for switch in events(journal, "failover")] == [
        ("a", "b", "a: HTTP 500"),
        ("b", None, "b: HTTP 500"),
    ]


async def test_words_that_are_cut_before_a_tool_is_used_leave_its_result_behind_its_call(
    clock: ManualClock, tmp_path: Path
) -> None:
    use = ToolCall("1", "cancel", {"number": "12"})
    words = "Let me see about that for you, it may take me a little while, please wait."
    done = Reply("It is cancelled.", [OutcomeChosen("answered")])
    model = ScriptedModel([Reply(words, events=[use], gap_ms=100), done])
    services = FakeServices(clock, {"/orders/12": [{"ok": True}]}, lambda path: 4.2)
    settings = desk(tmp_path)
    flow = tmp_path / "flows" / "desk.yaml"
    flow.write_text(
        flow.read_text().replace("        requires_confirmation: true\n", "").replace("DELETE", "GET")
    )
    script = ["a question", "and now please", "no"]
    steps: list[Step] = [Say("a question"), BargeIn(2000, "and now please"), StaySilent(8), Say("no")]
    async with running(clock, tmp_path, script, settings=settings, model=model, http=services) as relay:
        await relay.call("desk", steps)
    _, agent, tool = model.requests[1].messages
    assert (agent.role, tool.role, tool.tool_call_id) == ("agent", "tool", agent.tool_calls[0].id)
    assert words.startswith(agent.text)
    assert len(agent.text) < len(words)

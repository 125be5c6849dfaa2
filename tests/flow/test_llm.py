"""`llm` nodes: what a model gets to see, what it may do, and what it may not."""

from __future__ import annotations

import json

import pytest

from app.flow import Flow, State, load, resume
from app.flow.effects import AskModel, CallService, Event, Listen, Understood
from app.flow.loading import examine
from tests.flow.caller import NOW, Caller
from tests.flow.test_loading import faults

FLOW = """\
flow: desk
format: 1
languages: [en, es]
start: top
slots: {customer: {type: text}, pin: {type: digits, length: 4, sensitive: true}}
intents:
  agent: {phrases: [a person], meaning: wants to speak to somebody}
  ask: {phrases: [a question], meaning: asks about parking}
  other: {phrases: [something else]}
globals: {agent: {press: 0, goto: person}}
nodes:
  top: {menu: How can I help?, choices: [{intent: ask, goto: talk}, {intent: other, press: 2, goto: who}]}
  who: {collect: customer, ask: Who are you?, next: pin}
  pin: {collect: pin, ask: Your PIN?, next: talk}
  talk:
    llm: "Answer {{ customer }}."
    opening: Of course.
    facts: facts/desk.md
    never: [prices, politics]
    max_turns: 3
    max_tokens: 80
    outcomes: {answered: top, wants_person: person}
    failed: person
    tools:
      look:
        description: looks up an order
        http: "POST https://api.example/{{ arguments.number }}?by={{ customer }}"
        body: {number: "{{ arguments.number }}", note: "It is {{ arguments.number }}"}
        arguments: {type: object, properties: {number: {type: integer, minimum: 1}}, required: [number]}
        requires: [customer]
        timeout: 3s
  person: {hangup: Bye.}
"""
FILES = {"facts/desk.md": "- Parking is free."}


def desk() -> Flow:
    return load(FLOW, "desk.yaml", files=FILES)


def test_what_the_model_is_given() -> None:
    caller = Caller(desk()).say("a question")
    ask = caller.ask
    assert caller.heard == "Of course."
    assert ask.instruction == "Answer . Never talk about: prices, politics."
    assert [(one.role, one.text) for one in ask.messages] == [("caller", "a question")]
    assert (ask.facts, ask.max_tokens, ask.language) == ("- Parking is free.", 80, "en")
    assert ask.outcomes == {"answered": "answered", "wants_person": "wants person"}
    assert [one.name for one in ask.tools] == ["look"]
    assert "Parking" not in repr(ask)


def test_a_model_gets_no_sensitive_words() -> None:
    caller = Caller(desk()).press("2").say("Ana").press("4711")
    assert caller.ask.messages == ()
    spoken = Caller(desk()).press("2").say("Ana").say("four seven one one")
    assert spoken.ask.messages == ()
    assert "4711" not in str(spoken.ask)


def test_history_is_what_was_heard() -> None:
    caller = Caller(desk()).say("a question").model_says("Parking is free for two hours.")
    assert isinstance(caller.last, Listen)
    caller.cuts_model("Parking is").say("And after that?")
    assert [(one.role, one.text) for one in caller.ask.messages] == [
        ("caller", "a question"),
        ("agent", "Parking is"),
        ("caller", "And after that?"),
    ]
    caller.cuts_model().say("Hello?")
    assert [one.text for one in caller.ask.messages][2:] == ["And after that?", "Hello?"]


def test_a_tool_takes_what_fits_and_no_more() -> None:
    caller = Caller(desk()).press("2").say("Ana").press("4711").model_uses("look", number=12)
    assert isinstance(caller.last, CallService)
    assert caller.request.url == "https://api.example/12?by=Ana"
    assert caller.request.body == {"number": 12, "note": "It is 12"}
    assert caller.last.timeout_ms == 3000
    stored = State.from_json(json.loads(json.dumps(caller.state.to_json())))
    assert stored == caller.state
    state, effects = resume(caller.flow, caller.state, NOW)
    assert isinstance(effects[-1], AskModel)
    assert "not known whether" in effects[-1].messages[-1].text
    caller.answered(200, {"status": "sent"})
    assert caller.ask.messages[-1].text == '{"status": "sent"}'
    assert [one.name for one in caller.ask.messages[-2].tool_calls] == ["look"]
    assert state.node == "talk"


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("look", {"number": 0}, "these arguments do not fit: 0 is less than the minimum of 1"),
        ("look", {"number": "1; drop"}, "these arguments do not fit"),
        ("look", {}, "these arguments do not fit: 'number' is a required property"),
        ("transfer", {"to": "+1900"}, "there is no such tool"),
    ],
)
def test_a_tool_used_wrongly_is_not_used(tool: str, arguments: dict[str, object], why: str) -> None:
    caller = Caller(desk()).press("2").say("Ana").press("4711").model_uses(tool, **arguments)  # type: ignore[arg-type]
    assert caller.ask.messages[-1].text.startswith(why)


def test_a_tool_waits_for_what_it_requires() -> None:
    caller = Caller(desk()).say("a question").model_uses("look", number=12)
    assert caller.ask.messages[-1].text == "not possible before this is known: customer"
    caller.model_uses("look", number=12).model_uses("look", number=12)
    assert caller.state.ended


def test_the_model_of_the_last_rung_chooses_among_what_is_described() -> None:
    caller = Caller(desk()).say("where could I leave my car")
    ask = caller.ask
    assert ask.purpose == "choose"
    assert ask.outcomes == {
        "agent": "wants to speak to somebody",
        "ask": "asks about parking",
        "none": "none of these",
    }
    caller.model_says(outcome="ask")
    assert caller.node == "talk"
    assert Understood("model", 0.8, "ask") in caller.log
    assert caller.ask.messages[0].text == "where could I leave my car"


@pytest.mark.parametrize("outcome", ["none", "other", "nonsense", None])
def test_what_it_does_not_find_is_not_understood(outcome: str | None) -> None:
    caller = Caller(desk()).say("where could I leave my car").model_says(outcome=outcome)
    assert Event("no_match") in caller.effects
    assert (caller.node, caller.state.phase) == ("top", "asking")
    failed = Caller(desk()).say("where could I leave my car").model_fails()
    assert Event("no_match") in failed.effects


def test_no_model_is_asked_what_sensitive_words_mean() -> None:
    caller = Caller(desk()).press("2").say("Ana").say("it is my mother's birthday")
    assert not any(isinstance(one, AskModel) for one in caller.effects)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("facts/desk.md", "facts/desc.md", 'there is no file "facts/desc.md"'),
        ("facts/desk.md", "../secrets.md", "must name a file inside the flow's directory"),
        ("facts/desk.md", "/etc/passwd", "must name a file inside the flow's directory"),
        ("{{ customer }}.", "{{ pin }}.", '"pin" is sensitive and never goes to a model'),
        ("    failed: person\n", "", 'node "talk" needs failed'),
        ("    outcomes: {answered: top, wants_person: person}\n", "", 'node "talk" needs outcomes'),
        ("answered: top", "answered: tpo", 'unknown node "tpo"'),
        ("type: integer", "type: whole", "cannot be used"),
        ("arguments: {type: object", "arguments: {type: array", "they are a JSON Schema of `type: object`"),
        ("requires: [customer]", "requires: [costumer]", 'there is no slot "costumer"'),
        ("{{ arguments.number }}?", "{{ arguments.nr }}?", 'there is no value "arguments.nr"'),
        ("        description: looks up an order\n", "", 'tool "look" needs description'),
        ("max_tokens: 80", "max_tokens: 80000", "must be a whole number from 10 to 1000"),
    ],
)
def test_fault(old: str, new: str, message: str) -> None:
    assert old in FLOW
    _, found = examine(FLOW.replace(old, new, 1), "desk.yaml", files=FILES)
    assert any(message in fault.message for fault in found), "\n".join(map(str, found))


def test_the_version_covers_the_facts() -> None:
    other = load(FLOW, "desk.yaml", files={"facts/desk.md": "- Parking costs a pound."})
    assert other.version != desk().version
    assert faults(FLOW)

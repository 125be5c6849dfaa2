"""Whatever a caller does: no dead end, no endless loop, no key lost or leaked, and always a way out."""

from __future__ import annotations

import string

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.flow import Flow, State, build_library, resume
from app.flow.effects import (
    AskModel,
    CallService,
    Event,
    HangUp,
    Listen,
    NodeEntered,
    Record,
    Say,
    Transfer,
    Understood,
)
from app.flow.inputs import NoInput, Pressed, ToolUse
from app.flow.values import Json
from tests.flow.caller import Caller
from tests.flow.conftest import FLOWS
from tests.flow.test_slots import phrasings

# every verb, keys that begin others, circles, corrections and no words where words may be missing
MAZE = """
flow: maze
format: 1
languages: [en]
start: top
hours:
  desk: {open: "Mo-Fr 08:00-18:00", timezone: Europe/Madrid, country: ES}
slots:
  code:  {type: digits, length: 4}
  pin:   {type: digits, min: 2, max: 6, sensitive: true}
  party: {type: number, min: 1, max: 8}
  size:  {type: choice, options: [small, large]}
  day:   {type: date, from: today}
  at:    {type: time}
  offer: {type: list}
  ok:    {type: yes_no}
  name:  {type: text}
  phone: {type: phone, country: ES}
  count: {type: number}
intents:
  agent: {phrases: ["[a] person", agent]}
  wild: {meaning: wants something wild}
  again: {phrases: [again, "(start|go) over"]}
globals:
  agent:  {press: 0, goto: person}
  again:  {press: star, then: repeat}
nodes:
  top:
    menu: "Top{% if name %}, {{ name }}{% endif %}."
    choices:
      - {press: 1, goto: code}
      - {press: 12, goto: party}
      - {press: 123, goto: name}
      - {press: 2, goto: day}
      - {press: 3, goto: loop}
      - {press: 4, goto: ask}
      - {press: 5, goto: chat}
      - {press: 6, goto: deeper}
      - {intent: again, press: "#", goto: top}
      - {intent: wild, goto: size}
  code: {collect: code, ask: Code?, next: pin}
  pin: {collect: pin, modal: true, ask: Pin?, confirm_value: always, keypad: {max: 6, finish: "#"}, next: check}
  check: {confirm: "Code {{ code | digits }}?", change: [code], yes: top, no: code}
  party: {collect: party, ask: How many?, reject: [{if: party == 5, say: Not five.}], next: size}
  size: {collect: size, ask: Which size?, next: ok}
  ok: {collect: ok, ask: All right?, next: verdict}
  verdict: {branch: [{if: ok and party > 2, goto: top}, {if: 'size == "small"', goto: person}, {goto: bye}]}
  name: {collect: name, next: phone}
  phone: {collect: phone, ask: Number?, next: top}
  day: {collect: day, ask: Day?, next: offer}
  offer: {set: {offer: ["09:30", "14:00"], at: null}, next: at}
  at: {collect: at, values: offer, ask: "{{ offer | spoken }}?", next: sure}
  sure: {confirm: "{{ day | spoken }} at {{ at | spoken }}?", change: [day, at], yes: person, no: top}
  loop: {set: {count: count + 1}, next: loop_on}
  loop_on: {branch: [{if: count > 3, goto: top}, {goto: loop}]}
  ask:
    {http: "GET https://a.example/{{ name }}", prefetch: true, save: {name: name, count: n}, ok: send, failed: ask2}
  ask2: {http: "GET https://a.example/again", ok: top, failed: top}
  send: {http: "POST https://a.example/", body: {pin: "{{ pin }}"}, ok: top, failed: person}
  chat:
    llm: Talk.
    max_turns: 2
    outcomes: {done: top, more: chat}
    failed: person
    tools:
      look: {description: looks, http: "POST https://a.example/", requires: [name]}
      sure: {description: asks, http: "POST https://a.example/", requires_confirmation: true}
  deeper: {call: inner, with: {who: name}, outcomes: {done: top, lost: person}, failed: top}
  person: {transfer: "+34910000000", no_answer: message, busy: top}
  message: {record: Leave a message., max: 10s, next: bye}
  bye: {hangup: Bye.}
"""

INNER = """
flow: inner
format: 1
languages: [en]
inputs: {who: text}
outcomes: [done, lost]
start: one
slots: {code: {type: digits, length: 4}}
nodes:
  one: {collect: code, ask: "Code, {{ who }}?", next: two}
  two: {http: "GET https://a.example/{{ code }}", ok: three, failed: lost}
  three: {call: innermost, outcomes: {end: done}, failed: lost}
  done: {say: Done., outcome: done}
  lost: {outcome: lost}
"""
INNERMOST = """
flow: innermost
format: 1
languages: [en]
outcomes: [end]
start: sure
nodes:
  sure: {confirm: Sure?, yes: end, no: sure}
  end: {outcome: end}
"""

LIBRARY = build_library(
    {str(path): path.read_text("utf-8") for path in FLOWS.glob("*.yaml")}
    | {"flows/maze.yaml": MAZE, "flows/inner.yaml": INNER, "flows/innermost.yaml": INNERMOST}
)
# echo is made to wait for ever
PATIENT = sorted(LIBRARY.flows.keys() - {"echo", "inner"})
SAID = [one.said for one in phrasings(code="en")]
WORDS = st.one_of(
    st.sampled_from(
        [*SAID, "yes", "no", "no, thursday", "no, two o'clock", "a person", "book an appointment", "4471"]
    ),
    st.text(string.printable, max_size=40),
)
KEYS = st.sampled_from("0123456789*#")
ANSWERS = st.sampled_from([None, {"name": "Ana", "n": 3}, {"name": [], "n": "x"}, [1], "text"])
OUTCOMES = st.sampled_from([None, "done", "more", "wild", "none", "nonsense", "top"])
TOOLS = st.sampled_from([None, *(ToolUse("1", name, {}) for name in ("look", "sure", "nothing"))])
ASKED = ("asking", "confirming", "understanding", "answering", "approving")
WAITING = Listen | CallService | AskModel | Transfer | Record | HangUp


class RandomCaller(RuleBasedStateMachine):
    """One call, in one of the flows."""

    @initialize(name=st.sampled_from(PATIENT), seed=st.integers(0, 99))
    def answered(self, name: str, seed: int) -> None:
        self.caller = Caller(LIBRARY.flows[name], seed=seed)

    @precondition(lambda self: not self.caller.state.ended)
    @rule(text=WORDS, confidence=st.sampled_from([None, 0.1, 0.9]))
    def says(self, text: str, confidence: float | None) -> None:
        self.caller.say(text, confidence)

    @precondition(lambda self: not self.caller.state.ended)
    @rule(key=KEYS)
    def presses(self, key: str) -> None:
        before = self.caller.state
        self.caller.press(key)
        effects, after = self.caller.effects, self.caller.state
        if before.phase not in ASKED:
            assert standing(after) == standing(before)
            return
        if before.phase == "approving":
            return
        taken = [one for one in effects if isinstance(one, Understood)]
        assert len(taken) <= 2
        counted = any(isinstance(one, Event) and one.name in ("no_match", "key_ignored") for one in effects)
        if before.phase == "confirming" and taken:
            counted = False  # "no" to "did you say …?" is understood, and is a misunderstanding told
        collected = after.keys == before.keys + key and not counted and not taken
        swallowed = before.finished_by_length and key == "#" and not effects
        assert sum((bool(taken), counted, collected, swallowed)) == 1
        if taken:
            assert after.keys == ""

    @rule()
    def keeps_silent(self) -> None:
        """Nothing is heard of a silence while somebody else has the call, or after its end."""
        before = self.caller.state
        self.caller.silent()
        if before.phase not in ASKED:
            assert standing(self.caller.state) == standing(before)

    @precondition(lambda self: bool(self.caller.state.keys))
    @rule()
    def stops_typing(self) -> None:
        self.caller.pause()
        assert self.caller.state.keys == ""

    @precondition(lambda self: self.caller.state.phase == "calling")
    @rule(status=st.sampled_from([200, 204, 302, 404, 500]), json=ANSWERS, readable=st.booleans())
    def service_answers(self, status: int, json: Json, readable: bool) -> None:
        self.caller.answered(status, json, readable=readable)

    @precondition(lambda self: self.caller.state.phase == "calling")
    @rule()
    def service_fails(self) -> None:
        self.caller.unanswered()

    @precondition(lambda self: self.caller.state.phase in ("answering", "understanding"))
    @rule(text=st.sampled_from(["", "Hello."]), outcome=OUTCOMES, tool=TOOLS)
    def model_replies(self, text: str, outcome: str | None, tool: ToolUse | None) -> None:
        self.caller.model_says(text, outcome, tool)

    @precondition(lambda self: self.caller.state.phase in ("answering", "understanding"))
    @rule()
    def model_fails(self) -> None:
        self.caller.model_fails()

    @rule(heard=st.sampled_from(["", "Hel"]))
    def model_is_cut(self, heard: str) -> None:
        self.caller.cuts_model(heard)

    @rule()
    def line_is_lost(self) -> None:
        """Whatever is going on can be taken up again, and nothing that writes is sent a second time."""
        caller = self.caller
        sent = next((one.request for one in caller.effects if isinstance(one, CallService)), None)
        _, effects = resume(caller.flow, caller.state, caller.now)
        assert isinstance(effects[-1], WAITING)
        again = [one.request for one in effects if isinstance(one, CallService)]
        assert not (sent and sent.writes and sent in again)

    @precondition(lambda self: self.caller.state.phase == "transferring")
    @rule(outcome=st.sampled_from(["completed", "no_answer", "busy", "failed"]))
    def transfer_ends(self, outcome: str) -> None:
        self.caller.transfer_ends(outcome)  # type: ignore[arg-type]

    @precondition(lambda self: self.caller.state.phase == "recording")
    @rule(seconds=st.floats(0, 100))
    def recording_ends(self, seconds: float) -> None:
        self.caller.recorded(seconds)

    @invariant()
    def something_is_awaited(self) -> None:
        caller = self.caller
        assert "endless_loop" not in caller.events
        waiting = [one for one in caller.effects if isinstance(one, WAITING)]
        assert len(waiting) <= 1
        assert waits(caller) or not any(isinstance(one, NodeEntered | Say) for one in caller.effects)
        if waiting and isinstance(waiting[0], Listen):
            assert waiting[0].collected == len(caller.state.keys)

    def teardown(self) -> None:
        """Neither silence, nor nonsense, nor leaning on a key keeps a call going for ever."""
        if hasattr(self, "caller"):
            for endless in (NoInput(self.caller.now), Pressed("7", self.caller.now), None):
                assert ends(self.caller.flow, self.caller, endless)


def standing(state: State) -> object:
    """What an input that means nothing must leave alone."""
    return state.node, state.phase, state.slots, state.keys, state.failures, state.said


def waits(caller: Caller) -> bool:
    """Whether the last step left it clear what comes next."""
    return bool(caller.effects) and isinstance(caller.last, WAITING)


def ends(flow: Flow, caller: Caller, endless: NoInput | Pressed | None) -> bool:
    """Whether doing the same over and over ends the call. None: talking nonsense."""
    other = Caller(flow)
    other.state, other.effects = caller.state, caller.effects
    for _ in range(80):
        if other.state.ended:
            return True
        if other.state.phase == "transferring":
            other.transfer_ends("no_answer")
        elif other.state.phase == "recording":
            other.recorded(0)
        elif other.state.phase == "calling":
            other.unanswered()
        elif other.state.phase in ("answering", "understanding"):
            other.model_says("Go on.")
        elif endless is None:
            other.say("Colourless green ideas sleep furiously.")
        else:
            other.give(endless)
        if other.state.keys:
            other.pause()
    return other.state.ended


TestRandomCallers = pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")(
    RandomCaller.TestCase
)
TestRandomCallers.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)

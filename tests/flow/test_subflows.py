"""Flows that call flows: names, values, languages and ways out, and what makes no sense."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from app.errors import FlowError, InvalidFlow
from app.flow import Flow, State, build_library, load, resume
from app.flow.effects import Listen, NodeEntered, SlotFilled, Transfer
from app.flow.turn import Turn
from tests.flow.caller import NOW, Caller

OUTER = """\
flow: outer
format: 1
languages: [en, es]
start: top
hours: {desk: {open: "Mo-Fr 08:00-18:00", timezone: America/New_York, country: US}}
slots: {line: {type: phone, country: US}, pin: {type: digits, sensitive: true}}
globals:
  spanish: {press: 9, set: {language: es}, then: repeat}
  agent: {press: 0, goto: person}
nodes:
  top: {confirm: Shall I cancel it?, yes: cancel, no: bye}
  cancel: {call: cancelling, with: {phone: caller.number}, outcomes: {gone: bye, kept: top}, failed: person}
  person: {transfer: "+15550123", no_answer: bye}
  bye: {hangup: Bye.}
"""
INNER = """\
flow: cancelling
format: 1
languages: [en, es]
inputs: {phone: phone}
outcomes: [gone, kept]
start: find
slots: {day: {type: date}}
nodes:
  find: {http: "GET https://api.example/?phone={{ phone }}", save: {day: day}, ok: sure, failed: sure}
  sure: {confirm: Really?, yes: deeper, no: stay}
  deeper: {call: thanking, outcomes: {thanked: over}, failed: stay}
  over: {outcome: gone}
  stay: {say: It stays., outcome: kept}
"""
INNERMOST = """\
flow: thanking
format: 1
languages: [en]
outcomes: [thanked]
start: thank
nodes:
  thank: {confirm: Was that all right?, yes: end, no: end}
  end: {say: Thank you., outcome: thanked}
"""
SPANISH = "flow: cancelling\nlanguage: es\nprompts: {sure.confirm: ¿De verdad?, stay.say: Se queda.}\n"


def files(**changed: str) -> dict[str, str]:
    texts = {"outer": OUTER, "cancelling": INNER, "cancelling.es": SPANISH, "thanking": INNERMOST}
    return {f"flows/{name}.yaml": text for name, text in {**texts, **changed}.items()}


def outer(**changed: str) -> Flow:
    texts = files(**changed)
    return load(texts["flows/outer.yaml"], "flows/outer.yaml", {}, {}, texts)


def faults(**changed: str) -> list[FlowError]:
    with pytest.raises(InvalidFlow) as caught:
        outer(**changed)
    return list(caught.value.faults)


def entered(caller: Caller) -> list[str]:
    return [one.node for one in caller.log if isinstance(one, NodeEntered)]


def test_names_of_nodes_are_unique_and_a_way_leads_back() -> None:
    caller = Caller(outer()).say("yes")
    assert caller.request.url == "https://api.example/?phone=%2B15550100"
    caller.answered(200, {"day": "2026-11-20"}).say("yes").say("yes")
    assert entered(caller) == [
        *("top", "cancel", "cancelling.find", "cancelling.sure", "cancelling.deeper"),
        *("thanking.thank", "thanking.end", "cancelling.over", "bye"),
    ]
    assert caller.state.stack == []
    assert caller.state.slots == {}


def test_values_stay_where_they_belong() -> None:
    caller = Caller(outer()).say("yes").answered(200, {"day": "2026-11-20"})
    assert caller.state.slots == {"phone": "+15550100", "day": "2026-11-20"}
    assert SlotFilled("day", "2026-11-20") in caller.log
    assert State.from_json(json.loads(json.dumps(caller.state.to_json()))) == caller.state
    caller.say("no").say("yes")
    assert caller.state.slots == {"phone": "+15550100"}


def test_it_speaks_the_calls_language_and_hears_the_callers_globals() -> None:
    caller = Caller(outer()).say("yes").unanswered().press("9")
    assert caller.heard == "¿De verdad?"
    assert caller.say("no").heard == "Se queda. Shall I cancel it?"
    caller.say("sí").unanswered().say("sí")
    assert caller.node == "thanking.thank"
    caller.press("0")
    assert isinstance(caller.last, Transfer)
    assert (caller.node, caller.state.stack, caller.state.slots) == ("person", [], {})


def test_who_cannot_be_helped_leaves_by_failed() -> None:
    caller = Caller(outer()).say("yes").unanswered().silent(3)
    assert caller.node == "person"
    deep = Caller(outer()).say("yes").unanswered().say("yes").silent(3)
    assert deep.heard.endswith("It stays. Shall I cancel it?")


def test_a_lost_line_is_taken_up_inside() -> None:
    caller = Caller(outer()).say("yes").unanswered().say("yes")
    state, effects = resume(caller.flow, caller.state, NOW)
    assert (state.node, state.stack) == ("thanking.thank", caller.state.stack)
    assert isinstance(effects[-1], Listen)
    changed = outer(
        outer=OUTER.replace("call: cancelling", "call: thanking").replace(
            "with: {phone: caller.number}, outcomes: {gone: bye, kept: top}", "outcomes: {thanked: bye}"
        )
    )
    state, _ = resume(changed, caller.state, NOW)
    assert (state.node, state.stack) == ("top", [])


def test_it_lives_where_its_caller_lives() -> None:
    late = datetime(2026, 11, 14, 3, 0, tzinfo=UTC)
    caller = Caller(outer(), now=late).say("yes").unanswered()
    hearing = Turn(caller.flow, caller.state, late).scene.hearing
    assert (hearing.today.isoformat(), hearing.country) == ("2026-11-13", "US")


def test_the_version_covers_what_is_called() -> None:
    versions = {
        outer().version,
        outer(thanking=INNERMOST.replace("Thank you.", "Thanks.")).version,
        outer(cancelling=INNER.replace("Really?", "Sure?")).version,
        outer(**{"cancelling.es": SPANISH.replace("De verdad", "Seguro")}).version,
    }
    assert len(versions) == 4
    assert outer(nobody=INNERMOST.replace("thanking", "nobody")).version in versions


def test_fixed_words_of_what_is_called_are_known() -> None:
    wordings = set(outer().fixed_wordings())
    assert {("es", "¿De verdad?"), ("en", "Thank you.")} <= wordings


def test_what_has_to_be_called_is_not_started() -> None:
    library = build_library(files())
    assert {name: flow.startable for name, flow in library.flows.items()} == {
        "outer": True,
        "cancelling": False,
        "thanking": False,
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outer": OUTER.replace("call: cancelling", "call: canceling")}, 'no flow "canceling" beside this one'),
        ({"outer": OUTER.replace("gone: bye, ", "")}, 'the outcome "gone" leads nowhere'),
        ({"outer": OUTER.replace("gone: bye", "gonne: bye")}, '"cancelling" has no outcome "gonne"; did'),
        ({"outer": OUTER.replace("phone: caller", "fone: caller")}, '"cancelling" has no input "fone"'),
        ({"outer": OUTER.replace("with: {phone: caller.number}, ", "")}, 'must give the input "phone"'),
        ({"outer": OUTER.replace("phone: caller.number", "phone: today")}, '"today" is a date, the input holds a text'),
        ({"outer": OUTER.replace("phone: caller.number", "phone: pin")}, '"pin" is sensitive'),
        ({"outer": OUTER.replace(", failed: person", "")}, 'node "cancel" needs failed'),
        ({"cancelling": INNER.replace("outcome: gone", "outcome: gon")}, 'cannot be called before its faults'),
        ({"thanking": INNERMOST.replace("outcomes: [thanked]\n", "")}, "cannot be called before its faults"),
        (
            {"thanking": INNERMOST.replace("end: {say: Thank you., outcome: thanked}",
                                           "end: {call: cancelling, with: {phone: caller.number}, "
                                           "outcomes: {gone: end, kept: end}, failed: end}")},
            "circular subflow: outer calls cancelling calls thanking calls cancelling",
        ),
        ({"outer": OUTER.replace("start: top", "start: top\nrenamed: {old: nobody}")}, 'unknown node "nobody"'),
        (
            {"outer": OUTER.replace("start: top", "start: old\nrenamed: {old: top}")},
            'unknown node "old"; it is called "top" now',
        ),
    ],
)  # fmt: skip
def test_fault(changed: dict[str, str], message: str) -> None:
    found = faults(**changed)
    assert any(message in fault.message for fault in found), "\n".join(map(str, found))


def test_an_undeclared_outcome_is_a_fault() -> None:
    with pytest.raises(InvalidFlow, match='the flow has no outcome "gon"; did you mean "gone"'):
        load(INNER.replace("outcome: gone", "outcome: gon"), "cancelling.yaml", {}, {}, files())


def test_repeat_and_help_need_no_phrases_of_their_own() -> None:
    text = OUTER.replace(
        "globals:\n", "globals:\n  help: {say: Say yes or no., then: repeat}\n  repeat: {then: repeat}\n"
    )
    caller = Caller(outer(outer=text))
    assert caller.say("What are my options?").heard == "Say yes or no. Shall I cancel it?"
    assert caller.say("Can you repeat that, please?").heard == "Shall I cancel it?"

"""Every fault of a file is found, at its place, with a way out; and a good file becomes an immutable version."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from app.errors import FlowError, InvalidFlow
from app.flow import build_library, document, load
from app.flow.document import PureLoader

GOOD = """\
flow: small
format: 1
languages: [en, es]
start: hello
numbers: ["+15550100"]
voices: {en: amy}
slots: {name: {type: text}, day: {type: date}, pin: {type: digits, sensitive: true}}
intents: {agent: {phrases: ["[a] person"]}}
globals: {agent: {press: 0, goto: bye}}
nodes:
  hello: {say: "Hello {{ name }}.", next: bye}
  bye: {hangup: Bye.}
"""


def faults(text: str, overlays: dict[str, str] | None = None) -> list[FlowError]:
    with pytest.raises(InvalidFlow) as caught:
        load(text, "small.yaml", overlays)
    return list(caught.value.faults)


def one_fault(text: str, overlays: dict[str, str] | None = None) -> FlowError:
    found = faults(text, overlays)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def test_a_good_file_loads() -> None:
    flow = load(GOOD, "small.yaml")
    assert (flow.name, flow.start, flow.languages) == ("small", "hello", ("en", "es"))
    assert flow.nodes["hello"].routes["next"].targets == ("bye",)
    assert flow.voices == {"en": "amy"}
    assert repr(flow) == f"Flow('small', version='{flow.version}', nodes=2)"
    with pytest.raises(FrozenInstanceError):
        flow.start = "bye"  # type: ignore[misc]


def test_the_version_is_the_content() -> None:
    assert load(GOOD, "small.yaml").version == load(GOOD, "other/place.yaml").version
    assert load(GOOD, "small.yaml").version != load(GOOD.replace("Bye.", "Bye!"), "small.yaml").version
    spanish = "flow: small\nlanguage: es\nprompts: {hello.say: '¡Hola, {{ name }}!'}\n"
    assert load(GOOD, "small.yaml").version != load(GOOD, "small.yaml", {"small.es.yaml": spanish}).version


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("next: bye", "next: bey", 11, 43, 'unknown node "bey"; did you mean "bye"?'),
        ("start: hello", "start: hallo", 4, 8, 'unknown node "hallo"; did you mean "hello"?'),
        ("start: hello\n", "", 1, 1, "the flow needs start; add for example `start: hello`"),
        ("{{ name }}", "{{ nmae }}", 11, 16, 'there is no value "nmae"; did you mean "name"?'),
        ("{{ name }}", "{{ name | shout }}", 11, 16, 'there is no filter "shout"'),
        ("{{ name }}", "{{ name.__class__ }}", 11, 16, '".__class__" is not allowed in a text'),
        ("{{ name }}", "{{ name", 11, 16, "the text cannot be read"),
        ("{{ name }}", "{% for x in name %}{% endfor %}", 11, 16, '"for" is not allowed in a text'),
        ("{{ name }}", "{% set x = 1 %}", 11, 16, '"set" is not allowed'),
        ("{{ name }}", "{{ name() }}", 11, 16, '"call" is not allowed in a text'),
        ("{{ name }}", "{{ 9 * 9 }}", 11, 16, '"mul" is not allowed'),
        ("{{ name }}", "{{ day.century }}", 11, 16, '"day" has no part "century"'),
        ("type: date", "type: datum", 7, 41, 'type cannot be "datum"; did you mean "date"?'),
        ("type: date", "type: date, from: soon", 7, 53, '"soon" is no day; write today'),
        ("type: date", "typ: date", 7, 34, 'slot "day" needs type'),
        ("sensitive: true", "sensitive: yes", 7, 79, 'sensitive of slot "pin" must be true or false'),
        ('"[a] person"', '"[a person"', 8, 29, '"[" is never closed in "[a person"'),
        ('"[a] person"', '"[]"', 8, 29, '"[]" matches nothing'),
        ("press: 0", "press: x", 9, 26, '"x" is no key; use 0 to 9, star or pound'),
        ("press: 0, goto: bye", "press: 0", 9, 18, 'global "agent" needs either `goto: NODE` or `then: repeat`'),
        ("say: \"Hello", "sya: \"Hello", 11, 10, 'node "hello" has no verb; did you mean "say"?'),
        ("next: bye}", "menu: Which?, next: bye}", 11, 10, 'node "hello" needs choices'),
        ("hangup: Bye.", "hangup: [Bye, bye.]", 12, 17, "bye.hangup is a list; put quotes around it"),
        ("hangup: Bye.", "hangup: Bye., colour: red", 12, 23, 'node "bye" has no key "colour"'),
        ("hangup: Bye.", "hangup: {audio: ../bye.wav, text: Bye.}", 12, 25, "inside the flow's directory"),
        ("hangup: Bye.", "hangup: Bye., timeout: 6s", 12, 23, 'node "bye" has no key "timeout"'),
        ("hangup: Bye.", 'transfer: "+15550100", no_answer: hello, ring: fast', 12, 56, "must be a time such as 6s"),
        ("hangup: Bye.", "hangup: Bye., barge_in: maybe", 12, 33, 'barge_in cannot be "maybe"'),
        ("format: 1", "format: 2", 2, 9, "format of the flow must be a whole number from 1 to 1"),
        ("languages: [en, es]", "languages: [en, xx]", 3, 17, 'the language "xx" is not supported'),
        ("languages: [en, es]", "languages: en", 3, 12, "languages of the flow must be a list"),
        ("bye: {hangup", "2bye: {hangup", 12, 3, '"2bye" is no name'),
        ("hangup: Bye.", "transfer: the owner, no_answer: hello", 12, 19, '"the owner" is no telephone number'),
        ("{hangup: Bye.}", "\n    hangup: Bye.\n    ask:\n      hangup: x", 14, 5, "begin this line further to the"),
        ("{hangup: Bye.}", "\n    hangup: Bye.\n    ask:\n    say: x", 14, 5, "begin this line further to the"),
        ("hangup: Bye.", "hangup: Bye., day)", 12, 23, 'has no key "day)"; use one of'),
        ("Hello", "Adi\ufffds", 11, 20, "this letter is not UTF-8; save the file as UTF-8"),
        ("numbers:", "number:", 5, 1, 'the flow has no key "number"; did you mean "numbers"?'),
    ],
)  # fmt: skip
def test_fault(old: str, new: str, line: int, column: int, message: str) -> None:
    found = faults(GOOD.replace(old, new, 1))
    assert any(
        message in fault.message and (fault.line, fault.column) == (line, column) for fault in found
    ), "\n".join(map(str, found))


def test_one_misspelt_type_is_one_fault_however_often_its_slot_is_used() -> None:
    node = "hello: {collect: day, ask: Which day?, keypad: {length: 8, ask: Type it.}, next: bye}"
    good = GOOD.replace('hello: {say: "Hello {{ name }}.", next: bye}', node).replace(
        "Bye.", "'On {{ day }}.'"
    )
    assert load(good, "small.yaml")
    assert one_fault(good.replace("type: date", "type: dtae")).message == (
        'type cannot be "dtae"; did you mean "date"?'
    )


def test_a_type_of_another_name_is_one_fault_whatever_options_it_has() -> None:
    asked = GOOD.replace("type: date", "type: phone_number, country: Germany, length: 8")
    assert one_fault(asked).message == 'type cannot be "phone_number"; did you mean "phone"?'


@pytest.mark.parametrize("reader", [document._Loader, PureLoader])
@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("flow: a\nflow: b\n", 2, 1, '"flow" stands here twice, first in line 1; remove one'),
        ("flow: &x a\n", 1, 7, "the anchor &x is not allowed"),
        ("flow: a\nstart: *x\n", 2, 8, "the alias *x is not allowed"),
        ("flow: !!python/name:os.system a\n", 1, 7, "is not allowed; remove it"),
        ("flow: [a\nstart: b\n", 2, 6, "not valid YAML"),
        ("flow: 'a\n", 2, 1, "not valid YAML"),
        ("flow: 'a\n", 2, 1, "a quote is opened before this and not closed; close it"),
        ("flow: [a\nstart: b\n", 2, 6, "a bracket is opened before this and not closed"),
        ("nodes:\n  a:\n\tsay: b\n", 3, 1, "a tab stands here; begin lines with spaces"),
        ("nodes:\n   a: b\n  c: d\n", 3, 3, "begin lines that belong together in the same column"),
        ("nodes:\n  say: a\n    next: b\n", 3, 9, "a line that begins too far to the right"),
        ("say: One thing: this\n", 1, 15, "put quotes round a text with `: `"),
        ("- a\nb: c\n", 2, 1, "this does not fit the list before it"),
        ('say: "Hello" there\n', 1, 14, "round a whole text, not round a part of it"),
        ("say: a\n- b\n", 2, 1, "this does not fit what stands before it"),
        ("say: a\nb\nc: d\n", 3, 1, "a line without `: ` before this"),
        ("say: @home\n", 1, 6, "no text can begin with this character; put quotes round it"),
        ("say: > a\n", 1, 8, "not valid YAML: while scanning a block scalar"),
        ("nodes: {a: b}\nnodes: {c: d}\n", 2, 1, "remove one, or put what is under it under the first"),
        ("a: " + "[" * 40 + "]" * 40, 1, 35, "nested more than 32 levels deep"),
        ("[" * 100_000, 1, 33, "nested more than 32 levels deep"),
        ("flow: a\n---\nflow: b\n", 2, 1, "a second document"),
        ("flow: \x01\n", 1, 1, "is not allowed in YAML"),
        ("flow: \ud800\n", 1, 1, "UTF-8"),
        ("? [a, b]\n: c\n", 1, 3, "a key must be a single word or text"),
        ("x" * 300_000, 1, 1, "the file has 300000 bytes, at most 262144 are read"),
        ("", 1, 1, "the file holds no flow"),
        ("- a\n", 1, 1, "the file holds no flow"),
    ],
)
def test_fault_of_yaml(
    text: str, line: int, column: int, message: str, reader: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "_Loader", reader)
    found = faults(text)
    assert any(
        message in fault.message and (fault.line, fault.column) == (line, column) for fault in found
    ), "\n".join(map(str, found))[:500]


def test_scalars_stay_what_was_written() -> None:
    text = GOOD.replace("Hello {{ name }}.", '" + {}').split("  hello:")[0]
    for written in ("no", "9:30", "012", "+15550100", "2026-12-24", "0x1F", "1_000", "Yes", "12e3", "~5"):
        flow = load(f"{text}  hello: {{say: {written}, next: bye}}\n  bye: {{hangup: Bye.}}\n", "small.yaml")
        node = flow.nodes["hello"]
        assert node.prompt.lines["en"][0].template.source == written  # type: ignore[attr-defined]


def test_all_faults_are_reported_at_once_in_order() -> None:
    text = (
        GOOD.replace("next: bye", "next: bey")
        .replace("{{ name }}", "{{ nmae }}")
        .replace("press: 0", "press: x")
    )
    found = faults(text)
    assert [fault.line for fault in found] == [9, 11, 11]
    assert "\n".join(str(fault) for fault in found).count("small.yaml:") == 3


BRANCHES = """\
flow: small
format: 1
languages: [en]
start: ask
hours: {desk: {open: "Mo-Fr 08:00-18:00; PH off", timezone: Europe/Madrid, country: ES}}
slots: {party: {type: number}, day: {type: date}, offer: {type: list}, word: {type: text}}
nodes:
  ask: {collect: party, next: [{if: party > 6, goto: bye}, {goto: ask}]}
  day: {collect: day, reject: [{if: day.weekday > 5, say: No.}], values: offer, keypad: {length: 4}, next: sure}
  sure: {confirm: Sure?, change: [day, party], yes: bye, no: ask}
  count: {set: {party: party + 1}, next: bye}
  bye: {hangup: Bye.}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("party > 6", "party > 'six'", 8, 'a number and a text cannot be compared in "party > \'six\'"'),
        ("party > 6", "party >", 8, '"party >" ends too early; complete it'),
        ("party > 6", "patry > 6", 8, 'there is no value "patry"; did you mean "party"?'),
        ("party > 6", "party.size > 6", 8, 'there is no value "party.size"'),
        ("party > 6", "party > 6 then", 8, '"then" is unexpected'),
        ("party > 6", "__import__('os')", 8, 'there is no function "__import__"'),
        ("party > 6", "party ** 6", 8, "stands where a value is needed"),
        ("party > 6", "party = 6", 8, '"=" is not allowed in the expression "party = 6"; write =='),
        ("party > 6", "party => 6", 8, '"=>" is not allowed in the expression "party => 6"; write >='),
        ("party > 6", "party ; 6", 8, '";" is not allowed in the expression "party ; 6"; remove it'),
        ("party > 6", "(party > 6", 8, "put quotes round an expression with a comma"),
        ("party > 6", "is_open('shop')", 8, "is_open needs the name of hours in quotes"),
        ("party > 6", "day < 'tomorrow'", 8, '"tomorrow" in "day < \'tomorrow\'" is no date'),
        ("party > 6", "offer > 6", 8, "cannot be compared"),
        ("party > 6", "party in day", 8, '"in" needs a list on its right'),
        ("party > 6", "word + 1 > 2", 8, '"+" is for numbers'),
        ("party > 6", "(" * 30 + "party" + ")" * 30, 8, "nested too deeply"),
        (", {goto: ask}", "", 8, 'next of node "ask" has no else'),
        ("{if: party > 6, goto: bye}, {goto: ask}", "{goto: ask}, {if: party > 6, goto: bye}", 8, "has no else"),
        ("{goto: ask}]", "{goto: ask}, {goto: bye}]", 8, "nothing after this branch"),
        ("values: offer", "values: party", 9, 'values must name a list slot; "party" is none'),
        ("collect: day", "collect: dya", 9, 'there is no slot "dya"; did you mean "day"?'),
        ("keypad: {length: 4}", "keypad: {finish: star}", 9, "needs either length or max"),
        ("say: No.", "", 9, "a rejection of node \"day\" needs say"),
        ("change: [day, party]", "change: [day, word]", 10, 'no node collects "word"'),
        ("yes: bye, ", "", 10, 'node "sure" needs yes'),
        ("party: party + 1", "party: day", 11, 'the slot "party" holds a number'),
        ("party: party + 1", "language: fr", 11, 'the flow does not speak "fr"'),
        ("Europe/Madrid", "Europe/Mordor", 5, 'there is no time zone "Europe/Mordor"'),
        (", country: ES", "", 5, 'hours "desk" needs country'),
        ("country: ES", "country: QQ", 5, 'no holidays are known for the country "QQ"'),
        ("Mo-Fr 08:00-18:00", "Mo-Fr 8-18", 5, '"8-18" in "Mo-Fr 8-18" is no span of time'),
        ("Mo-Fr 08:00-18:00", "Mon-Fri 08:00-18:00", 5, '"Mon" in "Mon-Fri 08:00-18:00" is none of Mo'),
        ("Mo-Fr 08:00-18:00", "always", 5, "is no rule of opening hours"),
        ("sure: {confirm", "sure: {say: x, confirm", 10, 'node "sure" has no key "say"'),
        ("sure: {confirm", "sure: {collect: day, confirm", 10, "has two verbs, collect and confirm"),
    ],
)  # fmt: skip
def test_fault_of_logic(old: str, new: str, line: int, message: str) -> None:
    load(BRANCHES, "small.yaml")
    found = faults(BRANCHES.replace(old, new, 1))
    assert any(message in fault.message and fault.line == line for fault in found), "\n".join(map(str, found))


def test_a_slot_hangs_on_what_it_was_made_checked_or_chosen_with() -> None:
    text = """\
flow: small
format: 1
languages: [en]
start: day
slots: {day: {type: date}, times: {type: list}, at: {type: time}, dob: {type: date}, sum: {type: number}}
nodes:
  day: {collect: day, next: [{if: day.weekday == 5, goto: friday}, {goto: usual}]}
  friday: {set: {times: ["09:30"]}, next: at}
  usual: {set: {times: ["09:30", "14:00"]}, next: at}
  at: {collect: at, values: times, next: dob}
  dob: {collect: dob, reject: [{if: dob == day, say: No.}], next: sum}
  sum: {set: {sum: sum + 1}, next: day}
"""
    assert load(text, "small.yaml").dependents == {
        "day": {"times", "at", "dob"},
        "times": {"at"},
        "dob": frozenset(),
        "sum": frozenset(),
    }


OVERLAY = "flow: small\nlanguage: es\nprompts:\n  hello.say: ¡Hola, {{ name }}!\n"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("hello.say", "hallo.say", 4, 'the flow has no prompt "hallo.say"'),
        ("{{ name }}", "{{ nombre }}", 4, 'there is no value "nombre"'),
        ("language: es", "language: fr", 2, 'the file is for "es", its language says "fr"'),
        ("flow: small", "flow: large", 1, "this must name the flow it translates"),
        ("prompts:", "intents: {nobody: {phrases: [nadie]}}\nprompts:", 3, 'the flow has no intent "nobody"'),
        ("¡Hola", "[Hola", 4, "not valid YAML"),
    ],
)
def test_fault_of_a_translation(old: str, new: str, line: int, message: str) -> None:
    load(GOOD, "small.yaml", {"small.es.yaml": OVERLAY})
    found = faults(GOOD, {"small.es.yaml": OVERLAY.replace(old, new)})
    assert any(
        message in fault.message and (fault.path, fault.line) == ("small.es.yaml", line) for fault in found
    ), "\n".join(map(str, found))


def test_a_ladder_that_fell_apart_in_translation_is_a_fault() -> None:
    text = GOOD.replace("start: hello", "start: hello\ndefaults: {no_input: [Sorry?, {goto: bye}]}")
    overlay = OVERLAY + "  defaults.no_input: [Perdone., No le oigo.]\n"
    fault = one_fault(text, {"small.es.yaml": overlay})
    assert "defaults.no_input has 1 texts in the flow" in fault.message
    load(
        text,
        "small.yaml",
        {"small.es.yaml": overlay.replace("[Perdone., No le oigo.]", "[Perdone, no le oigo.]")},
    )


def library(**texts: str) -> dict[str, str]:
    return {f"flows/{name.replace('_', '.')}.yaml": text for name, text in texts.items()}


def test_a_library_knows_its_flows_and_their_numbers() -> None:
    found = build_library(library(small=GOOD, small_es=OVERLAY, small_test="not: a flow"))
    assert list(found.flows) == ["small"]
    assert not found.faults
    assert found.flows["small"].path == "flows/small.yaml"
    assert found.flows["small"].numbers == ("+15550100",)


def test_a_broken_file_never_replaces_a_good_one() -> None:
    good = build_library(library(small=GOOD))
    broken = build_library(library(small=GOOD.replace("next: bye", "next: bey")), previous=good)
    assert broken.flows["small"] is good.flows["small"]
    assert "unknown node" in str(broken.faults["small"])
    assert build_library({}, previous=good).flows == {}


def test_a_flow_must_be_named_like_its_file() -> None:
    found = build_library(library(large=GOOD))
    assert 'the file is named "large", its flow "small"' in str(found.faults["large"])


def test_wrong_hours_are_told_once_and_not_wherever_they_are_asked() -> None:
    hours = 'hours: {shop: {open: "Tue 9-17", timezone: Europe/London}}\nintents:'
    asked = GOOD.replace("intents:", hours).replace(
        "next: bye", 'next: [{if: is_open("shop"), goto: bye}, {goto: bye}]'
    )
    assert '"Tue" in "Tue 9-17" is none of Mo' in one_fault(asked).message


def test_facts_must_be_utf_8() -> None:
    node = "llm: Tell., facts: facts.md, outcomes: {done: bye}, failed: bye"
    text = GOOD.replace('say: "Hello {{ name }}.", next: bye', node)
    with pytest.raises(InvalidFlow, match="is not UTF-8; save it as UTF-8"):
        load(text, "small.yaml", files={"facts.md": "Adi\ufffds."})


def test_environment_values_are_handed_in_and_missing_ones_are_empty() -> None:
    text = GOOD.replace("{{ name }}", "{{ env.CLINIC }}{{ env.NOTHING }}")
    flow = load(text, "small.yaml", environment={"CLINIC": "Elm", "SECRET": "x"})
    assert flow.environment == {"CLINIC": "Elm", "NOTHING": ""}
    assert "Elm" not in repr(flow)

"""`http` nodes: what is sent, what is kept of the answer, and what a caller's line can do to it."""

from __future__ import annotations

import json

import pytest

from app.flow import State, load, ready_requests, resume
from app.flow.effects import CallService, Event, HangUp, Listen, Say
from app.flow.saving import find, fitted
from app.flow.values import Json
from tests.flow.caller import NOW, Caller
from tests.flow.test_loading import faults

FLOW = """\
flow: shop
format: 1
languages: [en, es]
start: who
slots:
  name:  {type: text}
  party: {type: number}
  day:   {type: date}
  at:    {type: time}
  vip:   {type: yes_no}
  tags:  {type: list}
  pin:   {type: digits, sensitive: true}
nodes:
  who: {collect: name, ask: Who?, next: look}
  look:
    http: "POST {{ env.API }}/people/{{ name }}?from={{ caller.number }}"
    headers: {Authorization: "Bearer {{ env.KEY }}"}
    body:
      plain: yes
      exact: [1, true, null, "{{ name }}"]
      inner: {greeting: "Hello {{ name }}", party: "{{ party }}", line: "{{ caller.number }}"}
    timeout: 4s
    save: {party: party, day: day, at: at, vip: vip, tags: tags}
    ok: done
    failed: done
  done: {hangup: Bye.}
"""
ENVIRONMENT = {"API": "https://api.example.com/v1", "KEY": "planted"}


def shop(text: str = FLOW) -> Caller:
    return Caller(load(text, "shop.yaml", environment=ENVIRONMENT))


def test_a_request_is_filled_in() -> None:
    request = shop().say("Ana").request
    assert (request.method, request.url) == ("POST", "https://api.example.com/v1/people/Ana?from=%2B15550100")
    assert request.headers == (("Authorization", "Bearer planted"),)
    assert request.body == {
        "plain": "yes",
        "exact": [1, True, None, "Ana"],
        "inner": {"greeting": "Hello Ana", "party": None, "line": "+15550100"},
    }
    assert "planted" not in repr(request)
    assert "Ana" not in repr(request)


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("a/b?c=d&e#f", "a%2Fb%3Fc%3Dd%26e%23f"),
        ("../../admin", "..%2F..%2Fadmin"),
        ("José Núñez", "Jos%C3%A9%20N%C3%BA%C3%B1ez"),
        ("x\r\nHost: evil", "x%20Host%3A%20evil"),
        ("{{ env.KEY }}", "%7B%7B%20env.KEY%20%7D%7D"),
        ("@evil.example", "%40evil.example"),
    ],
)
def test_no_value_changes_where_a_request_goes(said: str, sent: str) -> None:
    assert shop().say(said).request.url == f"https://api.example.com/v1/people/{sent}?from=%2B15550100"


def test_dots_alone_are_no_way_up() -> None:
    text = FLOW.replace("{collect: name, ask: Who?, next: look}", "{set: {name: '..'}, next: look}")
    assert "/people/%2E%2E?" in shop(text).request.url


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("party", 4, 4),
        ("party", "4", None),
        ("party", True, None),
        ("day", "2026-12-24", "2026-12-24"),
        ("day", "2026-12-24T10:00:00Z", "2026-12-24"),
        ("day", "24/12/2026", None),
        ("day", 5, None),
        ("at", "09:30", "09:30"),
        ("at", "09:30:00", "09:30"),
        ("at", "half past", None),
        ("vip", False, False),
        ("vip", "yes", None),
        ("tags", ["a", 1], ["a", 1]),
        ("tags", [["a"]], None),
        ("tags", "a", None),
        ("name", 7, "7"),
        ("name", {"a": 1}, None),
        ("name", "x" * 5000, "x" * 1000),
        ("name", "", None),
    ],
)
def test_only_what_a_slot_can_hold_is_kept(kind: str, given: Json, kept: Json) -> None:
    assert fitted(load(FLOW, "shop.yaml").slots[kind], given) == kept


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ("list.1", 3),
        ("list.5", None),
        ("a.b.c", None),
        ("", "whole"),
        ("list.x", None),
        ("no", None),
    ],
)
def test_a_value_is_found_by_its_path(path: str, value: Json) -> None:
    answer: Json = {"a": {"b": 1}, "list": [2, 3]}
    assert find(answer, path) == (answer if value == "whole" else value)


def test_waiting_words_go_with_the_request_and_are_not_said_by_themselves() -> None:
    caller = shop(FLOW.replace("timeout: 4s", "timeout: 4s\n    waiting: Let me look, {{ name }}."))
    caller.say("Ana")
    assert caller.heard == ""
    assert isinstance(caller.last, CallService)
    waiting = caller.last.waiting
    assert isinstance(waiting, Say)
    assert (waiting.text, waiting.key, waiting.wording) == ("Let me look, Ana.", "look.waiting", "templated")
    assert (caller.last.timeout_ms, caller.last.waiting_after_ms) == (4000, 300)


def test_the_language_has_waiting_words_of_its_own() -> None:
    caller = Caller(load(FLOW, "shop.yaml"), language="es").say("Ana")
    assert isinstance(caller.last, CallService)
    assert caller.last.waiting
    assert (caller.last.waiting.text, caller.last.waiting_after_ms) == ("Un momento, por favor.", 1500)


def test_a_writing_request_is_not_sent_again_when_the_line_comes_back() -> None:
    caller = shop().say("Ana")
    _, effects = resume(caller.flow, caller.state, NOW)
    assert Event("service_outcome_unknown") in effects
    assert not any(isinstance(one, CallService) for one in effects)
    reading = shop(
        FLOW.replace("POST", "GET")
        .replace("    body:", "    #")
        .replace("      plain", "    #")
        .replace("      exact", "    #")
        .replace("      inner", "    #")
    ).say("Ana")
    _, effects = resume(reading.flow, reading.state, NOW)
    assert isinstance(effects[-1], CallService)


def test_a_circle_of_failing_services_comes_to_an_end() -> None:
    caller = shop(FLOW.replace("failed: done", "failed: look")).say("Ana")
    for _ in range(200):
        if caller.state.ended:
            break
        caller.unanswered()
    assert caller.state.ended
    assert "endless_loop" in caller.events


def test_a_correction_asks_the_service_again_and_comes_back() -> None:
    caller = Caller(
        load(
            (
                "flow: c\nformat: 1\nlanguages: [en]\nstart: day\n"
                "slots: {day: {type: date, from: today}, free: {type: list}, at: {type: time}, n: {type: number}}\n"
                "nodes:\n"
                "  day: {collect: day, ask: Day?, next: look}\n"
                "  look: {http: 'GET https://x.example/{{ day }}', save: {free: free}, ok: at, failed: bye}\n"
                "  at: {collect: at, values: free, ask: 'At {{ free | spoken }}?', next: n}\n"
                "  n: {collect: n, ask: How many?, next: sure}\n"
                "  sure: {confirm: Sure?, change: [day, at], yes: bye, no: bye}\n"
                "  bye: {hangup: Bye.}\n"
            ),
            "c.yaml",
        )
    )
    caller.say("Monday").answered(200, {"free": ["09:30"]}).say("half past nine").say("two").say(
        "no, tuesday"
    )
    assert caller.request.url == "https://x.example/2026-11-17"
    caller.answered(200, {"free": ["14:00"]})
    assert caller.node == "at"
    assert caller.state.slots["at"] is None
    assert caller.say("two o'clock").node == "sure"


PREFETCH = """\
flow: ahead
format: 1
languages: [en]
start: hello
slots: {name: {type: text}, day: {type: date}, free: {type: list}}
nodes:
  hello: {say: Hello., next: day}
  day: {collect: day, ask: Day?, next: who}
  who:
    {http: "GET https://crm.example/?phone={{ caller.number }}", prefetch: call_start,
     save: {name: name}, ok: free, failed: free}
  free: {http: "GET https://api.example/{{ day }}", prefetch: true, save: {free: free}, ok: bye, failed: bye}
  late: {http: "GET https://api.example/all", ok: bye, failed: bye}
  bye: {hangup: Bye.}
"""


def test_what_can_be_asked_ahead_is_published() -> None:
    flow = load(PREFETCH, "ahead.yaml")
    caller = Caller(flow)
    assert [one.node for one in ready_requests(flow, caller.state, NOW)] == ["who"]
    caller.say("Monday")
    ahead = ready_requests(flow, caller.state, NOW)
    assert [one.node for one in ahead] == ["who", "free"]
    assert ahead[0].request == caller.request
    unknown = State.from_json({**caller.state.to_json(), "caller": ""})
    assert [one.node for one in ready_requests(flow, unknown, NOW)] == ["free"]


def test_a_service_without_an_address_is_not_asked_ahead() -> None:
    text = PREFETCH.replace("GET https://crm.example", "GET {{ env.CRM }}")
    for address, asked in (("", []), ("https://crm.example", ["who"])):
        flow = load(text, "ahead.yaml", environment={"CRM": address})
        assert [one.node for one in ready_requests(flow, Caller(flow).state, NOW)] == asked


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("GET https://crm", "POST https://crm", "a POST cannot run ahead"),
        ("caller.number }}", "day }}", '"day" is not known when the call starts'),
        ("prefetch: true", "prefetch: maybe", "prefetch must be call_start, true or false"),
        ("GET https://crm", "FETCH https://crm", "must be a method and an address"),
        ("GET https://crm.example", "GET", "must be a method and an address"),
        ("GET https://crm", "GET ftp://crm", "must begin with https:// or with {{ env.NAME }}"),
        ("{{ day }}", "{{ dya }}", 'there is no value "dya"'),
        (", failed: bye}\n  late", "}\n  late", 'node "free" needs failed'),
        ("save: {free: free}", "save: {fre: free}", 'there is no slot "fre"'),
        ("save: {free: free}", "body: {a: b}", "a GET has no body"),
        ("save: {free: free}", "headers: {Host: evil}", '"Host" is no header that a flow may send'),
        ("save: {free: free}", "timeout: 2min", "timeout of node \"free\" must be at most 30s"),
        ("save: {free: free}", "timeout: soon", "must be a time such as 6s"),
    ],
)  # fmt: skip
def test_fault(old: str, new: str, message: str) -> None:
    load(PREFETCH, "small.yaml")
    found = faults(PREFETCH.replace(old, new, 1))
    assert any(message in fault.message for fault in found), "\n".join(map(str, found))


def test_the_state_in_the_middle_of_a_request_survives_json() -> None:
    caller = shop().say("Ana")
    assert State.from_json(json.loads(json.dumps(caller.state.to_json()))) == caller.state
    assert caller.state.phase == "calling"
    assert isinstance(caller.answered(204).last, HangUp)
    assert not any(isinstance(one, Listen) for one in caller.effects)

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from app.simulator.carriage import Response
from app.simulator.twiml import Action, Dial, Ended, Fetch, OpenStream, Result, Wait, walk

BASE = "https://voice.example.com/voice/incoming?flow=echo"


def followed(
    documents: Mapping[str, str | Response], dial: Mapping[str, str] | None = None
) -> tuple[list[Action], str, list[str]]:
    """What the carrier does, how the call ends and what is wrong, with TwiML by path."""
    faults: list[str] = []
    steps, result = walk(BASE, faults), None
    done: list[Action] = []
    try:
        while True:
            action = steps.send(result)
            done.append(action)
            result = _answer(action, documents, dial)
    except StopIteration as stop:
        ended: Ended = stop.value
    return done, ended.reason, faults


def _answer(
    action: Action, documents: Mapping[str, str | Response], dial: Mapping[str, str] | None
) -> Result:
    if isinstance(action, Dial):
        return dial or {}
    if not isinstance(action, Fetch):
        return None
    found = documents.get(action.url.removeprefix("https://voice.example.com"))
    if isinstance(found, str):
        return Response(200, "text/xml; charset=utf-8", f"<Response>{found}</Response>".encode())
    return found


START = "/voice/incoming?flow=echo"
AFTER = Fetch("POST", "https://voice.example.com/after")


def test_a_stream_then_its_action_then_the_next_verbs() -> None:
    connect = (
        '<Connect action="/after"><Stream url="wss://voice.example.com/media" name="n" statusCallback="/s">'
        '<Parameter name="token" value="t"/></Stream></Connect><Say>never</Say>'
    )
    done, reason, faults = followed(
        {START: connect, "/after": '<Say>Bye &amp; thanks.</Say><Pause length="2"/>'}
    )
    assert done == [
        Fetch("POST", BASE),
        OpenStream("wss://voice.example.com/media", {"token": "t"}, "n", "https://voice.example.com/s"),
        AFTER,
        Wait(13 / 15, "says: Bye & thanks."),
        Wait(2.0, "pauses"),
    ]
    assert (reason, faults) == ("completed", [])


def test_without_an_action_the_next_verb_runs() -> None:
    done, reason, _ = followed({START: '<Connect><Stream url="/media"/></Connect><Hangup/><Say>never</Say>'})
    assert done[1:] == [OpenStream("wss://voice.example.com/media", {})]
    assert reason == "hangup"


def test_a_redirect_leaves_the_document() -> None:
    done, reason, _ = followed(
        {START: '<Redirect method="get">/after</Redirect><Say>never</Say>', "/after": ""}
    )
    assert done == [Fetch("POST", BASE), Fetch("GET", AFTER.url)]
    assert reason == "completed"


def test_a_dial_tells_its_outcome_to_its_action() -> None:
    outcome = {"DialCallStatus": "busy"}
    dial = '<Dial timeout="12" action="/after"><Number url="/w">+14155550123</Number></Dial>'
    done, _, faults = followed({START: dial, "/after": "<Hangup/>"}, outcome)
    assert done[1:] == [Dial("+14155550123", 12.0), Fetch("POST", AFTER.url, outcome)]
    assert faults == []


def test_a_dial_without_an_action_goes_on() -> None:
    done, _, _ = followed({START: "<Dial>+14155550123</Dial><Say>Sorry.</Say>"})
    assert done[1:] == [Dial("+14155550123", 30.0), Wait(6 / 15, "says: Sorry.")]


@pytest.mark.parametrize(
    ("verb", "reason"), [("<Reject/>", "rejected"), ('<Reject reason="busy"/>', "busy"), ("", "completed")]
)
def test_how_a_document_ends_a_call(verb: str, reason: str) -> None:
    assert followed({START: verb})[1] == reason


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Response(500, "text/plain", b"Internal Server Error"), "11200 .* HTTP 500: Internal Server Error"),
        (Response(200, "application/json", b"{}"), "12300 .* application/json"),
        (Response(204, "", b""), "12300 .* no content type"),
        (Response(200, "text/xml", b"<Response>"), "12100 .* no XML"),
        (Response(200, "text/xml", b"<Respond/>"), "12102 .* <Respond>"),
    ],
)
def test_what_is_no_twiml_fails_the_call(answer: Response, fault: str) -> None:
    _, reason, faults = followed({START: answer})
    assert reason == "failed"
    assert len(faults) == 1
    assert re.search(fault, faults[0])


@pytest.mark.parametrize(
    ("verb", "fault"),
    [
        ("<Gather/>", "12200"),
        ("<Connect><ConversationRelay/></Connect>", "12200"),
        ('<Connect><Stream url="ws://voice.example.com/media"/></Connect>', "31922"),
        ('<Connect><Stream url="https://voice.example.com/media"/></Connect>', "31922"),
        ('<Connect><Stream url="/media" track="both_tracks"/></Connect>', "31941"),
    ],
)
def test_what_cannot_be_followed_is_recorded_and_passed_over(verb: str, fault: str) -> None:
    done, reason, faults = followed({START: f"{verb}<Pause/>"})
    assert done[1:] == [Wait(1.0, "pauses")]
    assert reason == "completed"
    assert [text[:5] for text in faults] == [fault]


def test_a_query_on_the_stream_url_is_dropped_as_carriers_do() -> None:
    done, _, faults = followed({START: '<Connect><Stream url="/media?token=t"/></Connect>'})
    assert done[1] == OpenStream("wss://voice.example.com/media", {})
    assert "31920" in faults[0]


def test_a_parameter_of_500_characters_is_too_long() -> None:
    stream = f'<Stream url="/media"><Parameter name="n" value="{"x" * 499}"/></Stream>'
    assert "500 characters" in followed({START: f"<Connect>{stream}</Connect>"})[2][0]


def test_going_round_in_circles_ends() -> None:
    _, reason, faults = followed(
        {START: "<Redirect>/after</Redirect>", "/after": "<Redirect>/after</Redirect>"}
    )
    assert reason == "failed"
    assert "round in circles" in faults[0]


def test_an_unsecured_stream_is_allowed_on_this_machine_only() -> None:
    faults: list[str] = []
    steps = walk("http://127.0.0.1:8000/voice", faults)
    next(steps)
    body = b'<Response><Connect><Stream url="/media"/></Connect></Response>'
    assert steps.send(Response(200, "text/xml", body)) == OpenStream("ws://127.0.0.1:8000/media", {})
    assert faults == []

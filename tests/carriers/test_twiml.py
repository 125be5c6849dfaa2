from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.carriers.twiml import connect_stream, dial, document, hangup, redirect, reject, say
from app.errors import LocalProtocolError

HEAD = '<?xml version="1.0" encoding="UTF-8"?><Response>'


def test_connects_a_stream_and_says_what_follows() -> None:
    connect = connect_stream(
        "wss://voice.example.com/streams/twilio", {"token": "t"}, action="/voice/stream-ended"
    )
    assert document(connect, say("Please call again.", "en-US"), hangup()) == (
        f'{HEAD}<Connect action="/voice/stream-ended"><Stream url="wss://voice.example.com/streams/twilio">'
        '<Parameter name="token" value="t" /></Stream></Connect>'
        '<Say language="en-US">Please call again.</Say><Hangup /></Response>'
    )


def test_connects_without_an_action() -> None:
    assert document(connect_stream("wss://a/b", {})) == (
        f'{HEAD}<Connect><Stream url="wss://a/b" /></Connect></Response>'
    )


def test_puts_a_caller_through() -> None:
    verb = dial("+14155550123", timeout_s=25, caller_id="+18005550199", action="/voice/dial-ended")
    assert document(verb) == (
        f'{HEAD}<Dial answerOnBridge="true" timeout="25" callerId="+18005550199" action="/voice/dial-ended">'
        "<Number>+14155550123</Number></Dial></Response>"
    )


def test_rejects_redirects_and_does_nothing() -> None:
    assert document(reject()) == f'{HEAD}<Reject reason="busy" /></Response>'
    assert document(reject("rejected")) == f'{HEAD}<Reject reason="rejected" /></Response>'
    assert document(redirect("/voice/incoming?flow=a&b=c")) == (
        f'{HEAD}<Redirect method="POST">/voice/incoming?flow=a&amp;b=c</Redirect></Response>'
    )
    assert ET.fromstring(document()).tag == "Response"


@pytest.mark.parametrize(("name", "value"), [("n", "v" * 499), ("n" * 500, "")])
def test_refuses_a_parameter_that_the_carrier_would(name: str, value: str) -> None:
    with pytest.raises(LocalProtocolError, match="500 characters; Twilio takes less than 500"):
        connect_stream("wss://a/b", {name: value})


def test_takes_the_longest_parameter() -> None:
    assert "v" * 498 in document(connect_stream("wss://a/b", {"n": "v" * 498}))


def test_leaves_out_what_xml_cannot_hold() -> None:
    assert ET.fromstring(document(say("a\x00b\ud800c\ufffed", "en")))[0].text == "abcd"


@given(st.text(alphabet=st.characters(exclude_characters="\r"), max_size=50))
def test_text_never_breaks_out(text: str) -> None:
    response = ET.fromstring(
        document(say(text, text), connect_stream("wss://a/b", {text: text}), redirect(text))
    )
    assert [verb.tag for verb in response] == ["Say", "Connect", "Redirect"]
    parameter = response[1][0][0]
    kept = response[0].text or ""
    assert set(text) - set(kept) <= {
        chr(code) for code in (*range(32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000))
    }
    assert kept == (response[2].text or "") == parameter.get("value") == response[0].get("language")

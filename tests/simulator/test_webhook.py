from __future__ import annotations

import pytest

from app.simulator.webhook import CallIdentity, Route, Signer, new_sid, sign

TOKEN = "test_auth_token_0123456789abcdef"
FORM = [
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("ApiVersion", "2010-04-01"),
    ("CallSid", "CA00000000000000000000000000000001"),
    ("CallStatus", "ringing"),
    ("Caller", "+14155550100"),
    ("CallerName", ""),
    ("Direction", "inbound"),
    ("From", "+14155550100"),
    ("To", "+18005550199"),
]


@pytest.mark.parametrize("form", [FORM, FORM[::-1], FORM + FORM[:1]])
def test_a_form_post_is_signed_whatever_the_order_of_its_fields(form: list[tuple[str, str]]) -> None:
    url = "https://voice.example.com/twilio/voice?tenant=acme"
    assert sign(TOKEN, url, form) == "ZTAbzdvjahnWcrVvUdD6whJfps8="


def test_a_handshake_signs_its_address_alone() -> None:
    assert sign(TOKEN, "wss://voice.example.com/twilio/media") == "PSHKZdRBsp/HJd8JQTizTsmtv48="


def test_a_webhook_has_the_fields_that_servers_read() -> None:
    identity = CallIdentity("+14155550100", "+18005550199", call_sid="CA1")
    form = dict(identity.form("ringing", {"DialCallStatus": "busy"}))
    assert form["CallSid"] == "CA1"
    assert (form["From"], form["Caller"]) == ("+14155550100", "+14155550100")
    assert (form["To"], form["Called"]) == ("+18005550199", "+18005550199")
    assert (form["CallStatus"], form["Direction"]) == ("ringing", "inbound")
    assert form["FromCity"] == form["CallerName"] == ""
    assert form["DialCallStatus"] == "busy"


def test_identifiers_look_like_the_carriers_and_differ() -> None:
    assert len(new_sid("CA")) == 34
    assert new_sid("MZ").startswith("MZ")
    assert CallIdentity().call_sid != CallIdentity().call_sid


ROUTE = Route("http://127.0.0.1:8000", "https://voice.example.com")


@pytest.mark.parametrize(
    ("listening", "public"),
    [
        ("http://127.0.0.1:8000/voice?flow=a%20b", "https://voice.example.com/voice?flow=a%20b"),
        ("ws://127.0.0.1:8000/media", "wss://voice.example.com/media"),
        ("https://elsewhere.example.com/x", "https://elsewhere.example.com/x"),
    ],
)
def test_a_server_behind_a_public_address_is_reached_where_it_listens(listening: str, public: str) -> None:
    assert ROUTE.to_public(listening) == public
    assert ROUTE.to_listening(public) == listening


def test_without_a_public_address_nothing_is_moved() -> None:
    assert Route("http://127.0.0.1:8000").to_public("http://127.0.0.1:8000/x") == "http://127.0.0.1:8000/x"


def test_what_is_signed_is_the_public_address() -> None:
    signer = Signer(ROUTE, TOKEN, sign_sockets=True)
    assert signer.webhook("http://127.0.0.1:8000/twilio/voice?tenant=acme", FORM) == {
        "Host": "voice.example.com",
        "X-Twilio-Signature": "ZTAbzdvjahnWcrVvUdD6whJfps8=",
    }
    assert signer.socket("wss://voice.example.com/twilio/media") == {
        "Host": "voice.example.com",
        "X-Twilio-Signature": "PSHKZdRBsp/HJd8JQTizTsmtv48=",
    }


def test_unsigned_unless_there_is_a_token_and_sockets_only_on_request() -> None:
    assert Signer(ROUTE).webhook("http://127.0.0.1:8000/", FORM) == {}
    assert Signer(ROUTE, sign_sockets=True).socket("wss://voice.example.com/") == {}
    assert Signer(ROUTE, TOKEN).socket("wss://voice.example.com/") == {}

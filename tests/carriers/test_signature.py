from __future__ import annotations

import pytest

from app.carriers.signature import accepts, accepts_handshake, accepts_json, sign

TOKEN = "test_auth_token_0123456789abcdef"
VOICE = "https://voice.example.com/twilio/voice?tenant=acme"
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
FORM_SIGNATURE = "ZTAbzdvjahnWcrVvUdD6whJfps8="
FORM_SIGNATURE_WITH_PORT = "SnKywPqjVcJ1WYCIJqw8WlTENKo="
BODY = b'{"event":"x","n":1}'
EVENTS = (
    "https://voice.example.com/twilio/events"
    "?bodySHA256=27ebfe91a318dc07829eec267640f3751e9a3cdc12079c47803ad76b3404b82e"
)
BODY_SIGNATURE = "VbGiOD2irfQfsqmSTxCLePEjrh8="
MEDIA = "wss://voice.example.com/twilio/media"
HANDSHAKES = {
    MEDIA: "PSHKZdRBsp/HJd8JQTizTsmtv48=",
    MEDIA + "/": "SgkXo9QzOez8fr6zYy4GGWAW8N4=",
    "https://voice.example.com/twilio/media": "ml1tO6xQN4oknYhwshqGnlktTsk=",
}


def test_signs_a_form() -> None:
    assert sign(TOKEN, VOICE, FORM) == FORM_SIGNATURE


def test_signs_a_form_at_an_explicit_port() -> None:
    url = VOICE.replace("example.com", "example.com:443")
    assert sign(TOKEN, url, FORM) == FORM_SIGNATURE_WITH_PORT


def test_signs_with_sha256() -> None:
    assert sign(TOKEN, VOICE, FORM, digest="sha256") == "7GdLH5EfTD5RUvCyc9CxwC7cbsVrSGZajkveePcOpfA="


def test_the_order_of_a_form_does_not_matter() -> None:
    assert sign(TOKEN, VOICE, reversed(FORM)) == FORM_SIGNATURE


def test_blank_values_are_signed() -> None:
    assert sign(TOKEN, VOICE, [pair for pair in FORM if pair[1]] + [("CallerNamed", "")]) != FORM_SIGNATURE


def test_a_repeated_name_counts_with_each_different_value_once() -> None:
    assert sign(TOKEN, VOICE, [("a", "2"), ("a", "1"), ("a", "2")]) == sign(TOKEN, VOICE + "a1a2")


@pytest.mark.parametrize("signature", [FORM_SIGNATURE, FORM_SIGNATURE_WITH_PORT])
@pytest.mark.parametrize("host", ["voice.example.com", "voice.example.com:443"])
def test_accepts_a_form_whatever_is_done_about_the_port(signature: str, host: str) -> None:
    assert accepts(signature, [TOKEN], VOICE.replace("voice.example.com", host), FORM)


def test_accepts_another_port_with_and_without_it() -> None:
    url = "https://voice.example.com:8443/voice"
    assert accepts(sign(TOKEN, url), [TOKEN], url)
    assert accepts(sign(TOKEN, "https://voice.example.com/voice"), [TOKEN], url)
    assert not accepts(sign(TOKEN, "https://voice.example.com:443/voice"), [TOKEN], url)


@pytest.mark.parametrize("host", ["[2001:db8::1]", "user:pass@voice.example.com"])
def test_a_colon_that_is_no_port_is_left_alone(host: str) -> None:
    bare, with_port = f"https://{host}/voice", f"https://{host}:443/voice"
    assert accepts(sign(TOKEN, with_port), [TOKEN], bare)
    assert accepts(sign(TOKEN, bare), [TOKEN], with_port)
    assert accepts(sign(TOKEN, bare), [TOKEN], bare)


def test_either_token_does_while_they_rotate() -> None:
    assert accepts(FORM_SIGNATURE, ["new", TOKEN], VOICE, iter(FORM))
    assert not accepts(FORM_SIGNATURE, ["new", "newer"], VOICE, FORM)


@pytest.mark.parametrize("tokens", [[], [""]])
def test_no_token_accepts_nothing(tokens: list[str]) -> None:
    assert not accepts(sign("", VOICE), tokens, VOICE)


@pytest.mark.parametrize("signature", ["", "x", FORM_SIGNATURE[:-1], FORM_SIGNATURE.lower(), "é", "\ud800"])
def test_refuses_what_is_no_signature(signature: str) -> None:
    assert not accepts(signature, [TOKEN], VOICE, FORM)


def test_refuses_a_changed_form() -> None:
    changed = [*FORM[:-1], ("To", "+18005550198")]
    assert not accepts(FORM_SIGNATURE, [TOKEN], VOICE, changed)
    assert not accepts(FORM_SIGNATURE, [TOKEN], VOICE.replace("acme", "other"), FORM)


def test_refuses_an_address_that_is_none() -> None:
    assert not accepts(sign(TOKEN, "voice"), [TOKEN], "voice")


def test_accepts_a_json_body() -> None:
    assert sign(TOKEN, EVENTS) == BODY_SIGNATURE
    assert accepts_json(BODY_SIGNATURE, [TOKEN], EVENTS, BODY)


def test_refuses_a_json_body_that_was_not_signed() -> None:
    assert not accepts_json(BODY_SIGNATURE, [TOKEN], EVENTS, BODY.replace(b"1", b"2"))
    plain = EVENTS.partition("?")[0]
    assert not accepts_json(sign(TOKEN, plain), [TOKEN], plain, BODY)
    twice = EVENTS + "&bodySHA256=0"
    assert not accepts_json(sign(TOKEN, twice), [TOKEN], twice, BODY)


@pytest.mark.parametrize(("url", "signature"), HANDSHAKES.items())
def test_signs_a_handshake(url: str, signature: str) -> None:
    assert sign(TOKEN, url) == signature


@pytest.mark.parametrize("url", [MEDIA, MEDIA + "/", MEDIA.replace(".com", ".com:443")])
def test_accepts_a_handshake_with_and_without_slash_and_port(url: str) -> None:
    assert accepts_handshake(HANDSHAKES[MEDIA], [TOKEN], url)
    assert accepts_handshake(HANDSHAKES[MEDIA + "/"], [TOKEN], url)
    assert accepts_handshake(sign(TOKEN, "wss://voice.example.com:443/twilio/media"), [TOKEN], url)


def test_refuses_a_handshake_signed_as_https() -> None:
    assert not accepts_handshake(HANDSHAKES["https://voice.example.com/twilio/media"], [TOKEN], MEDIA)

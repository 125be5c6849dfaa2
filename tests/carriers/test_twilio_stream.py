"""Bad input to a Twilio stream, row by row, where a golden message would be too long; and what we send."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.carriers.base import Counted
from app.carriers.events import AudioReceived, ClearAudio, PlayAudio, SendMark
from app.carriers.json_frames import MAX_MESSAGE_BYTES
from app.carriers.twilio_stream import MAX_AUDIO_BYTES, TwilioStreamCodec
from app.errors import LocalProtocolError, RemoteProtocolError
from tests.carriers.golden import answer

STREAM = "MZ1"
START = json.dumps({"event": "start", "streamSid": STREAM, "start": {"callSid": "CA1"}})
FRAME = b"\xff" * 160


def media(chunk: int, payload: bytes = FRAME) -> str:
    body = {"chunk": str(chunk), "timestamp": str(chunk * 20), "payload": base64.b64encode(payload).decode()}
    return json.dumps({"event": "media", "streamSid": STREAM, "media": body})


def close_code(codec: TwilioStreamCodec, message: str | bytes, now: float = 0.0) -> int:
    with pytest.raises(RemoteProtocolError) as refusal:
        codec.receive(message, now)
    return refusal.value.close_code


@pytest.fixture
def codec() -> TwilioStreamCodec:
    """A codec whose stream has started."""
    codec = TwilioStreamCodec()
    codec.receive(START, 0.0)
    return codec


@pytest.mark.parametrize(
    "opening", ["[", '{"a":', '{"event":"connected","a":' + "[", '{"event":"weather","a":[', "[{"]
)
def test_very_deep_json(codec: TwilioStreamCodec, opening: str) -> None:
    assert close_code(codec, opening * (MAX_MESSAGE_BYTES // len(opening))) in (1007, 1008)


@pytest.mark.parametrize(
    "message",
    [
        '{"event":"media","streamSid":"MZ1","sequenceNumber":%s,"media":{}}',
        '{"event":"media","streamSid":"MZ1","sequenceNumber":"%s","media":{}}',
        '{"event":"media","streamSid":"MZ1","media":{"chunk":%s}}',
        '{"event":"media","streamSid":"MZ1","media":{"timestamp":"%s"}}',
        '{"event":%s}',
    ],
)
def test_integers_of_5000_digits(codec: TwilioStreamCodec, message: str) -> None:
    assert close_code(codec, message % ("9" * 5000)) == 1008


def test_an_integer_of_5000_digits_where_nobody_looks(codec: TwilioStreamCodec) -> None:
    assert codec.receive('{"event":"connected","version":' + "9" * 5000 + "}", 0.0) == ()


@pytest.mark.parametrize("surrogate", ["\ud800", "\\ud800", "\\udfff x", "\\ud800\\ud800"])
@pytest.mark.parametrize("field", ["event", "streamSid", "unknown"])
def test_lone_surrogates(codec: TwilioStreamCodec, surrogate: str, field: str) -> None:
    message = '{"event":"mark","streamSid":"MZ1","mark":{"name":"x"}'
    assert close_code(codec, f'{message},"{field}":"{surrogate}"}}') == 1007


def test_huge_audio_is_dropped(codec: TwilioStreamCodec) -> None:
    assert codec.receive(media(1, b"\xff" * (MAX_AUDIO_BYTES + 2)), 0.0) == ()
    assert codec.counts == {Counted.BAD_AUDIO: 1}
    assert len(codec.receive(media(2, b"\xff" * MAX_AUDIO_BYTES), 0.0)) == 1


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f600"])
def test_more_than_64_kib(codec: TwilioStreamCodec, letter: str) -> None:
    head, tail = '{"event":"connected","protocol":"', '"}'
    room = (MAX_MESSAGE_BYTES - len(head) - len(tail)) // len(letter.encode())
    assert codec.receive(head + letter * room + tail, 0.0) == ()
    assert close_code(codec, head + letter * (room + 3) + tail) == 1009


def test_a_binary_frame(codec: TwilioStreamCodec) -> None:
    assert close_code(codec, media(1).encode()) == 1003


def test_a_flood(codec: TwilioStreamCodec) -> None:
    for chunk in range(1, 1000):
        assert len(codec.receive(media(chunk), 0.0)) == 1
    assert close_code(codec, media(1000)) == 1008


def test_a_flood_of_what_is_ignored(codec: TwilioStreamCodec) -> None:
    for _ in range(999):
        codec.receive('{"event":"weather"}', 0.0)
    assert close_code(codec, '{"event":"weather"}') == 1008


def test_a_stall_releases_seconds_of_audio_and_the_call_goes_on(codec: TwilioStreamCodec) -> None:
    for chunk in range(1, 951):
        codec.receive(media(chunk), 20.0)
    for chunk in range(951, 5000):
        assert len(codec.receive(media(chunk), 20.0 + (chunk - 950) * 0.02)) == 1


def test_a_hundred_messages_a_second_may_go_on_for_ever(codec: TwilioStreamCodec) -> None:
    for chunk in range(1, 5000):
        assert len(codec.receive(media(chunk), chunk * 0.01)) == 1


def test_what_is_made_up_counts_as_received(codec: TwilioStreamCodec) -> None:
    heard = received = 0
    close = None
    for chunk in (chunk for chunk in range(10**6) if chunk % 50 < 5):
        events, close = answer(codec, media(chunk), 0.0)
        heard += len(events)
        received += 1
        if close:
            break
    assert close == 1008
    assert received < 150
    assert 900 < heard < 1000


def test_no_error_repeats_what_the_caller_sent(codec: TwilioStreamCodec) -> None:
    for message in [
        '{"event":"dtmf","dtmf":{"digit":%s}}',
        '{"event":"start","start":%s}',
        "%s",
        '"%s"',
        "{%s",
    ]:
        with pytest.raises(RemoteProtocolError) as refusal:
            codec.receive(message % "4929123456", 0.0)
        assert "4929" not in str(refusal.value)
        assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_timestamps_go_on_where_the_carrier_gives_none(codec: TwilioStreamCodec) -> None:
    codec.receive(media(1), 0.0)
    message = json.loads(media(2))
    del message["media"]["timestamp"]
    assert codec.receive(json.dumps(message), 0.0) == (AudioReceived(FRAME, 40),)


def test_sends_exactly_the_documented_fields(codec: TwilioStreamCodec) -> None:
    assert json.loads(codec.send(PlayAudio(FRAME))) == {
        "event": "media",
        "streamSid": STREAM,
        "media": {"payload": base64.b64encode(FRAME).decode()},
    }
    assert json.loads(codec.send(SendMark("turn-3"))) == {
        "event": "mark",
        "streamSid": STREAM,
        "mark": {"name": "turn-3"},
    }
    assert json.loads(codec.send(ClearAudio())) == {"event": "clear", "streamSid": STREAM}


def test_refuses_to_send_what_a_media_stream_cannot_carry(codec: TwilioStreamCodec) -> None:
    command: Any = object()
    with pytest.raises(LocalProtocolError, match="cannot carry object"):
        codec.send(command)


@given(st.binary(max_size=400), st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_is_sent_arrives(payload: bytes, name: str) -> None:
    codec = TwilioStreamCodec()
    codec.receive(START, 0.0)
    sent = json.loads(codec.send(PlayAudio(payload)))
    assert base64.b64decode(sent["media"]["payload"], validate=True) == payload
    assert json.loads(codec.send(SendMark(name)))["mark"] == {"name": name}

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.carriers.events import ClearAudio, PlayAudio, SendMark
from app.simulator import wire
from app.simulator.wire import CANNOT_DECODE, CONNECTED, CarrierMessages, ServerFault, read_server_message

SID = "MZ00000000000000000000000000000001"
CALL = "CA00000000000000000000000000000001"
ACCOUNT = "AC00000000000000000000000000000001"


def server_message(event: str, **body: object) -> str:
    return json.dumps({"event": event, "streamSid": SID, **body})


def test_what_the_carrier_sends_is_numbered_in_strings() -> None:
    messages = CarrierMessages(SID, CALL, ACCOUNT)
    sent = [
        json.loads(text)
        for text in (
            CONNECTED,
            messages.start({"token": "one-time-token"}),
            messages.media("f39/", 20),
            messages.media("f39/", 40),
            messages.dtmf("5"),
            messages.mark("turn-3/part-7"),
            messages.stop(),
        )
    ]
    assert sent == [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": SID,
            "start": {
                "accountSid": ACCOUNT,
                "callSid": CALL,
                "streamSid": SID,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": "one-time-token"},
            },
        },
        {
            "event": "media",
            "sequenceNumber": "2",
            "streamSid": SID,
            "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "f39/"},
        },
        {
            "event": "media",
            "sequenceNumber": "3",
            "streamSid": SID,
            "media": {"track": "inbound", "chunk": "2", "timestamp": "40", "payload": "f39/"},
        },
        {
            "event": "dtmf",
            "sequenceNumber": "4",
            "streamSid": SID,
            "dtmf": {"track": "inbound_track", "digit": "5"},
        },
        {"event": "mark", "sequenceNumber": "5", "streamSid": SID, "mark": {"name": "turn-3/part-7"}},
        {
            "event": "stop",
            "sequenceNumber": "6",
            "streamSid": SID,
            "stop": {"accountSid": ACCOUNT, "callSid": CALL},
        },
    ]


def test_a_mark_of_any_name_comes_back_as_it_was() -> None:
    name = 'a "quoted"\n\\ mark, ü and \ud83d'
    echoed = json.loads(CarrierMessages(SID, CALL, ACCOUNT).mark(name))
    assert echoed["mark"]["name"] == name


def test_what_a_server_may_send() -> None:
    payload = base64.b64encode(b"\xff\x00\x7f").decode()
    assert read_server_message(server_message("media", media={"payload": payload}), SID) == PlayAudio(
        b"\xff\x00\x7f"
    )
    assert read_server_message(server_message("mark", mark={"name": "m"}), SID) == SendMark("m")
    assert read_server_message(server_message("clear"), SID) == ClearAudio()


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (b"{}", "binary message of 2 bytes"),
        ("hello", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no JSON object"),
        ("9" * 5000, "no JSON"),
        (json.dumps({"streamSid": SID}), "unknown event None"),
        (server_message("play"), "unknown event 'play'"),
        (json.dumps({"event": ["clear"], "streamSid": SID}), "unknown event"),
        (json.dumps({"event": "clear"}), "without 'streamSid'"),
        (server_message("clear", why="x"), "extra field 'why'"),
        (json.dumps({"event": "clear", "streamSid": "MZ2"}), "for stream 'MZ2'"),
        (server_message("media"), "without 'media'"),
        (server_message("media", media="abc"), "'media' is no object"),
        (server_message("media", media={}), "without 'payload'"),
        (server_message("media", media={"payload": "AA==", "track": "outbound"}), "extra field 'track'"),
        (server_message("media", media={"payload": 7}), "media.payload is no string"),
        (server_message("media", media={"payload": "AA"}), "no base64"),
        (server_message("media", media={"payload": "A-_="}), "no base64"),
        (server_message("media", media={"payload": "AAAA\n"}), "no base64"),
        (server_message("media", media={"payload": "ÄÄÄÄ"}), "no base64"),
        (server_message("media", media={"payload": base64.b64encode(b"RIFF....").decode()}), "RIFF"),
        (server_message("mark", mark={"name": None}), "mark.name is no string"),
        (server_message("mark", mark={"name": "a", "id": 1}), "extra field 'id'"),
    ],
)
def test_what_a_carrier_drops(message: str | bytes, complaint: str) -> None:
    with pytest.raises(ServerFault, match=complaint.replace("[", "\\[")) as caught:
        read_server_message(message, SID)
    binary = isinstance(message, bytes)
    assert (caught.value.code == CANNOT_DECODE) == binary
    assert str(caught.value).startswith("31950" if binary else "31951")
    assert len(str(caught.value)) < 200


PAYLOADS: list[object] = [
    {"payload": "f39/"},
    {"payload": "f39"},
    {"payload": "UklGRg=="},
    {"payload": 1},
    {"payload": "f39/", "track": "outbound"},
    {},
    "f39/",
]
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["media", "media", "mark", 1]),
        "streamSid": st.sampled_from([SID, SID, SID[:-1], None]),
        "media": st.sampled_from(PAYLOADS),
        "sequenceNumber": st.just("1"),
    },
)


@given(MESSAGES.map(json.dumps) | st.text(max_size=20))
def test_usual_media_messages_are_read_no_other_way_than_all_are(text: str) -> None:
    def verdict() -> object:
        try:
            return read_server_message(text, SID)
        except ServerFault as fault:
            return str(fault)

    usual = verdict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_usual", lambda data, stream_sid: None)
        assert verdict() == usual

"""Any order of messages, good and bad: nothing but events in order, or one documented close."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.carriers.base import Counted
from app.carriers.events import (
    AudioReceived,
    InboundEvent,
    StreamStarted,
    StreamStopped,
)
from app.carriers.sequencer import CONCEALED_BYTES, FAR_FRAMES
from app.carriers.twilio_stream import TwilioStreamCodec
from tests.carriers.golden import answer

SIDS = st.sampled_from(["MZ1", "MZ1", "MZ1", "MZ2", ""])
PAYLOADS = st.sampled_from([b"\xff" * 160, b"\x80" * 160, b"\x00" * 480, b"\xff" * 159, b"", b"\xff" * 9000])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


class AnyStream(RuleBasedStateMachine):
    """A carrier gone mad, and what must hold of the codec all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.codec = TwilioStreamCodec()
        self.now = 0.0
        self.chunk = 100
        self.events: list[InboundEvent] = []

    def say(self, message: dict[str, Any]) -> None:
        events, close_code = answer(self.codec, json.dumps(message), self.now)
        made_up = [event for event in events if isinstance(event, AudioReceived) and event.concealed]
        assert len(made_up) <= FAR_FRAMES
        assert sum(len(event.payload) for event in made_up) <= CONCEALED_BYTES
        self.events += events
        if close_code is not None:
            self.codec, self.events = TwilioStreamCodec(), []

    @rule(sid=SIDS, call=st.sampled_from(["CA1", "CA1", "", "../x"]))
    def start(self, sid: str, call: str) -> None:
        self.say({"event": "start", "streamSid": sid, "start": {"callSid": call}})

    @rule(sid=SIDS, payload=PAYLOADS, step=st.integers(-3, 6) | st.sampled_from([1, 1, 1, 60, -60, 10**9]))
    def media(self, sid: str, payload: bytes, step: int) -> None:
        self.chunk = max(0, self.chunk + step)
        body = {"chunk": self.chunk, "timestamp": self.chunk, "payload": base64.b64encode(payload).decode()}
        self.say({"event": "media", "streamSid": sid, "media": body})

    @rule(
        sid=SIDS,
        event=st.sampled_from(["mark", "dtmf", "stop", "connected", "weather"]),
        digit=st.text(max_size=2),
    )
    def other(self, sid: str, event: str, digit: str) -> None:
        self.say({"event": event, "streamSid": sid, "mark": {"name": digit}, "dtmf": {"digit": digit}})

    @rule(seconds=st.floats(-1, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def one_start_first_and_one_stop_last(self) -> None:
        kinds = [type(event) for event in self.events]
        assert kinds.count(StreamStarted) <= 1
        assert not kinds or kinds[0] is StreamStarted
        assert StreamStopped not in kinds[:-1]

    @invariant()
    def audio_goes_forward_but_for_new_beginnings(self) -> None:
        real = [e.timestamp_ms for e in self.events if isinstance(e, AudioReceived) and not e.concealed]
        back = sum(1 for before, after in pairwise(real) if after <= before)
        assert back <= self.codec.counts[Counted.SEQUENCE_RESTART]

    @invariant()
    def nothing_is_made_up_uncounted(self) -> None:
        made_up = sum(isinstance(event, AudioReceived) and event.concealed for event in self.events)
        assert made_up <= self.codec.counts[Counted.LOST_AUDIO]


AnyStream.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyStream = AnyStream.TestCase

DOCUMENTED = {None, 1003, 1007, 1008, 1009}


@given(st.text() | JSON.map(json.dumps) | st.binary())
def test_any_text_is_events_or_a_documented_close(message: str | bytes) -> None:
    events, close_code = answer(TwilioStreamCodec(), message, 0.0)
    assert close_code in DOCUMENTED
    assert not events


@given(st.sampled_from(["start", "media", "dtmf", "mark", "stop"]), JSON, JSON)
def test_any_value_in_any_field_is_events_or_a_documented_close(event: str, body: Any, number: Any) -> None:
    codec = TwilioStreamCodec()
    codec.receive('{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}', 0.0)
    fields = {"digit": body, "name": number, "chunk": number, "timestamp": number, "payload": body}
    for inner in (body, fields):
        message = {"event": event, "streamSid": "MZ1", "sequenceNumber": number, event: inner}
        _, close_code = answer(codec, json.dumps(message), 0.0)
        assert close_code in DOCUMENTED

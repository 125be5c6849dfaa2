"""Twilio Media Streams, bidirectional (`<Connect><Stream>`): JSON text frames, μ-law audio in base64.

Source: Twilio's page "Media Streams - WebSocket messages". Numbers come as strings, numbers are accepted too; unknown
events and fields are ignored. Audio is put in order by `media.chunk`, which counts nothing but audio.

    before `start`   only `connected` may come
    after `start`    `media` `dtmf` `mark` `stop` of its streamSid; those of another are dropped
    after `stop`     everything is ignored
"""

from __future__ import annotations

from binascii import b2a_base64
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from app.carriers import json_frames
from app.carriers.base import Counted, carrier_codec
from app.carriers.events import (
    AudioReceived,
    ClearAudio,
    DigitPressed,
    InboundEvent,
    MarkReached,
    OutboundCommand,
    PlayAudio,
    SendMark,
    StreamStarted,
    StreamStopped,
)
from app.carriers.sequencer import Sequencer
from app.errors import LocalProtocolError, RemoteProtocolError

MAX_AUDIO_BYTES = 8000
BAD_AUDIO_IN_A_ROW = 5
DIGITS = frozenset("0123456789ABCD*#")

# Both go on into file names and keys, so they are held to what an identifier may be.
Sid = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,64}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class _MediaFormat(msgspec.Struct, frozen=True):
    encoding: str = "audio/x-mulaw"
    sampleRate: int = 8000
    channels: int = 1


class _StartBody(msgspec.Struct):
    callSid: Sid
    mediaFormat: _MediaFormat = _MediaFormat()
    customParameters: dict[str, str] = {}


class _MediaBody(msgspec.Struct):
    track: str = "inbound"
    chunk: Count | None = None
    timestamp: Count | None = None
    payload: bytes = b""


class _MediaBodyUnread(msgspec.Struct):
    track: str = "inbound"
    chunk: Count | None = None
    timestamp: Count | None = None


class _DigitBody(msgspec.Struct):
    digit: str


class _MarkBody(msgspec.Struct):
    name: str


class _Connected(msgspec.Struct, tag_field="event", tag="connected"):
    pass


class _Start(msgspec.Struct, tag_field="event", tag="start"):
    streamSid: Sid
    start: _StartBody
    sequenceNumber: Count | None = None


class _Media(msgspec.Struct, tag_field="event", tag="media"):
    media: _MediaBody
    streamSid: str = ""
    sequenceNumber: Count | None = None


class _MediaUnread(msgspec.Struct, tag_field="event", tag="media"):
    media: _MediaBodyUnread
    streamSid: str = ""
    sequenceNumber: Count | None = None


class _Digit(msgspec.Struct, tag_field="event", tag="dtmf"):
    dtmf: _DigitBody
    streamSid: str = ""
    sequenceNumber: Count | None = None


class _Mark(msgspec.Struct, tag_field="event", tag="mark"):
    mark: _MarkBody
    streamSid: str = ""
    sequenceNumber: Count | None = None


class _Stop(msgspec.Struct, tag_field="event", tag="stop"):
    streamSid: str = ""
    sequenceNumber: Count | None = None


class _AnyEvent(msgspec.Struct):
    event: str


_MESSAGE: Final = msgspec.json.Decoder(_Connected | _Start | _Media | _Digit | _Mark | _Stop, strict=False)
_EVENT: Final = msgspec.json.Decoder(_AnyEvent)
_UNREAD: Final = msgspec.json.Decoder(_MediaUnread, strict=False)
_EVENTS: Final = frozenset(("connected", "start", "media", "dtmf", "mark", "stop"))

_Message = _Connected | _Start | _Media | _MediaUnread | _Digit | _Mark | _Stop


@carrier_codec("twilio_stream")
class TwilioStreamCodec:
    """One media stream of one call."""

    def __init__(self) -> None:
        self.counts: Counter[Counted] = Counter()
        self._rate = json_frames.RateLimit()
        self._sequencer = Sequencer(self.counts)
        self._stream_sid: str | None = None
        self._stopped = False
        self._bad_in_a_row = 0
        self._media_head = self._mark_head = self._clear = ""

    def receive(self, message: str | bytes, now: float) -> Sequence[InboundEvent]:
        """Events of one message; see `CarrierCodec.receive`."""
        self._rate.spend(1, now)
        text = json_frames.text_of(message)
        try:
            arrived = json_frames.decode(_MESSAGE, text)
        except msgspec.ValidationError as fault:
            return self._mistyped(text, fault)
        if type(arrived) is _Media and arrived.streamSid == self._stream_sid and not self._stopped:
            return self._audio(arrived.media, now)
        return self._other(arrived)

    def send(self, command: OutboundCommand) -> str:
        """The text frame for a command: exactly the documented fields, since Twilio drops any with more."""
        if self._stream_sid is None:
            raise LocalProtocolError(f"twilio: {type(command).__name__} before the stream has started")
        if type(command) is PlayAudio:
            return self._media_head + b2a_base64(command.payload, newline=False).decode("ascii") + '"}}'
        if type(command) is SendMark:
            return f"{self._mark_head}{msgspec.json.encode(command.name).decode()}}}}}"
        if type(command) is ClearAudio:
            return self._clear
        raise LocalProtocolError(f"twilio: a media stream cannot carry {type(command).__name__}")

    def _audio(self, media: _MediaBody, now: float) -> Sequence[InboundEvent]:
        if media.track != "inbound":
            return self._ignored(Counted.OTHER_TRACK)
        size = len(media.payload)
        if size % 2 or not 0 < size <= MAX_AUDIO_BYTES:
            return self._bad_audio()
        self._bad_in_a_row = 0
        timestamp_ms = media.timestamp
        if timestamp_ms is None:
            timestamp_ms = self._sequencer.next_timestamp_ms
        frame = AudioReceived(media.payload, timestamp_ms)
        if media.chunk is None:
            return (frame,)
        frames = self._sequencer.arrived(media.chunk, frame)
        if len(frames) > 1:
            # what we make up counts as received, so nobody can have more than that made up
            self._rate.spend(sum(frame.concealed for frame in frames), now)
        return frames

    def _other(self, message: _Message) -> Sequence[InboundEvent]:
        if self._stopped:
            return self._ignored(Counted.AFTER_STOP)
        if isinstance(message, _Connected):
            return ()
        if isinstance(message, _Start):
            return self._start(message)
        if self._stream_sid is None:
            raise _violation(f"{message.__struct_config__.tag!r} before 'start'")
        if message.streamSid != self._stream_sid:
            return self._ignored(Counted.WRONG_STREAM)
        return self._of_this_stream(message)

    def _of_this_stream(
        self, message: _Media | _MediaUnread | _Digit | _Mark | _Stop
    ) -> Sequence[InboundEvent]:
        if isinstance(message, _Mark):
            return (MarkReached(message.mark.name),)
        if isinstance(message, _Digit):
            return self._digit(message.dtmf.digit)
        if isinstance(message, _Stop):
            self._stopped = True
            return (*self._sequencer.flush(), StreamStopped())
        return self._bad_audio()

    def _start(self, message: _Start) -> Sequence[InboundEvent]:
        if self._stream_sid is not None:
            raise _violation("a second 'start'")
        body = message.start
        if body.mediaFormat != _MediaFormat():
            found = f"{body.mediaFormat.sampleRate} Hz, {body.mediaFormat.channels} channel(s)"
            raise RemoteProtocolError(
                f"twilio: audio other than audio/x-mulaw, 8000 Hz, 1 channel ({found}); "
                "take audioFormat and sampleRate out of the <Stream> verb",
                close_code=json_frames.UNSUPPORTED_DATA,
            )
        self._stream_sid = sid = message.streamSid
        self._media_head = f'{{"event":"media","streamSid":"{sid}","media":{{"payload":"'
        self._mark_head = f'{{"event":"mark","streamSid":"{sid}","mark":{{"name":'
        self._clear = f'{{"event":"clear","streamSid":"{sid}"}}'
        return (StreamStarted(sid, body.callSid, body.customParameters),)

    def _digit(self, digit: str) -> Sequence[InboundEvent]:
        return (DigitPressed(digit),) if digit in DIGITS else self._ignored(Counted.BAD_DIGIT)

    def _bad_audio(self) -> Sequence[InboundEvent]:
        self._bad_in_a_row += 1
        if self._bad_in_a_row > BAD_AUDIO_IN_A_ROW:
            raise _violation(f"audio that cannot be used, {self._bad_in_a_row} times in a row")
        return self._ignored(Counted.BAD_AUDIO)

    def _mistyped(self, text: str, fault: msgspec.ValidationError) -> Sequence[InboundEvent]:
        """Off the usual path: was the event unknown, the audio no base64, or the message against the rules?"""
        try:
            event = json_frames.decode(_EVENT, text).event
            if event not in _EVENTS:
                return self._ignored(Counted.UNKNOWN_EVENT)
            if event == "media":
                return self._other(json_frames.decode(_UNREAD, text))
        except msgspec.ValidationError as other:
            raise _violation(str(other)) from None
        raise _violation(str(fault)) from None

    def _ignored(self, what: Counted) -> tuple[()]:
        self.counts[what] += 1
        return ()

    def __repr__(self) -> str:
        return f"TwilioStreamCodec(stream_sid={self._stream_sid!r}, stopped={self._stopped})"


def _violation(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"twilio: {what}", close_code=json_frames.POLICY_VIOLATION)

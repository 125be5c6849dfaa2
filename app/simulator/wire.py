"""Twilio Media Streams as the carrier speaks it: what it sends, and how strictly it reads.

Source: Twilio, "Media Streams: WebSocket messages". Numbers travel as strings; `sequenceNumber` counts every
message from "1" on `start`, `chunk` counts media. A server's message that is binary earns warning 31950;
one that is no JSON, has an unknown event, an extra or missing field or another stream's id earns 31951, and
is dropped.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from app.carriers.events import ClearAudio, OutboundCommand, PlayAudio, SendMark
from app.errors import RemoteProtocolError

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
CANNOT_DECODE = 31950
NOT_COMPLIANT = 31951

_FIELDS = {
    "media": {"event", "streamSid", "media"},
    "mark": {"event", "streamSid", "mark"},
    "clear": {"event", "streamSid"},
}


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    payload: str


class _Media(msgspec.Struct, forbid_unknown_fields=True):
    event: str
    streamSid: str
    media: _Payload


_MEDIA = msgspec.json.Decoder(_Media)


class ServerFault(RemoteProtocolError):
    """The server's message does not comply; `code` is the warning that the carrier would log."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message, close_code=1008)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} {self.args[0]}"


class CarrierMessages:
    """Writes one stream's messages, numbered in the order in which they are made."""

    def __init__(self, stream_sid: str, call_sid: str, account_sid: str) -> None:
        self.stream_sid = stream_sid
        self._call_sid = call_sid
        self._account_sid = account_sid
        self._sequence = 0
        self._chunk = 0
        self._media_head = '{"event":"media","sequenceNumber":"'
        self._media_middle = f'","streamSid":"{stream_sid}","media":{{"track":"inbound","chunk":"'

    def start(self, parameters: Mapping[str, str]) -> str:
        """The stream's first numbered message; `parameters` are the TwiML's."""
        body = {
            "accountSid": self._account_sid,
            "callSid": self._call_sid,
            "streamSid": self.stream_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._numbered("start", body)

    def media(self, payload: str, timestamp_ms: int) -> str:
        """A frame of the caller's audio; `payload` is base64. No JSON encoder: this runs 50 times a second."""
        self._sequence += 1
        self._chunk += 1
        return (
            f"{self._media_head}{self._sequence}{self._media_middle}{self._chunk}"
            f'","timestamp":"{timestamp_ms}","payload":"{payload}"}}}}'
        )

    def dtmf(self, digit: str) -> str:
        return self._numbered("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._numbered("mark", {"name": name})

    def stop(self) -> str:
        return self._numbered("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _numbered(self, event: str, body: Mapping[str, Any]) -> str:
        self._sequence += 1
        message = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            "streamSid": self.stream_sid,
            event: body,
        }
        return json.dumps(message, separators=(",", ":"))


def read_server_message(data: str | bytes, stream_sid: str) -> OutboundCommand:
    """What the server asks for. Raises ServerFault for whatever the carrier would drop."""
    usual = _usual(data, stream_sid)
    if usual is not None:
        return PlayAudio(_decoded(usual.media.payload))
    message = _json_object(data)
    event = message.get("event")
    if not isinstance(event, str) or event not in _FIELDS:
        raise ServerFault(NOT_COMPLIANT, f"unknown event {event!r}; a server may send media, mark or clear")
    _exactly(message, _FIELDS[event], f"{event} message")
    if message["streamSid"] != stream_sid:
        raise ServerFault(
            NOT_COMPLIANT, f"{event} for stream {message['streamSid']!r}, but this is {stream_sid}"
        )
    if event == "clear":
        return ClearAudio()
    if event == "media":
        return PlayAudio(_decoded(_text(message, "media", "payload")))
    return SendMark(_text(message, "mark", "name"))


def _usual(data: str | bytes, stream_sid: str) -> _Media | None:
    """A media message in which all is as it should be but, perhaps, the audio; most messages are such."""
    if isinstance(data, bytes):
        return None
    try:
        message = _MEDIA.decode(data)
    except msgspec.DecodeError:
        return None
    if message.event != "media" or message.streamSid != stream_sid:
        return None
    return message


def _json_object(data: str | bytes) -> dict[str, Any]:
    if isinstance(data, bytes):
        raise ServerFault(CANNOT_DECODE, f"a binary message of {len(data)} bytes; send text")
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise ServerFault(NOT_COMPLIANT, f"no JSON: {_shortened(data)}") from None
    if not isinstance(message, dict):
        raise ServerFault(NOT_COMPLIANT, f"no JSON object: {_shortened(data)}")
    return message


def _exactly(found: Mapping[str, Any], expected: set[str], where: str) -> None:
    if found.keys() == expected:
        return
    if extra := sorted(found.keys() - expected):
        raise ServerFault(NOT_COMPLIANT, f"{where} with extra field {', '.join(map(repr, extra))}")
    if missing := sorted(expected - found.keys()):
        raise ServerFault(NOT_COMPLIANT, f"{where} without {', '.join(map(repr, missing))}")


def _text(message: Mapping[str, Any], event: str, key: str) -> str:
    body = message[event]
    if not isinstance(body, dict):
        raise ServerFault(NOT_COMPLIANT, f"{event!r} is no object")
    _exactly(body, {key}, f"{event!r} object")
    if not isinstance(body[key], str):
        raise ServerFault(NOT_COMPLIANT, f"{event}.{key} is no string")
    return str(body[key])


def _decoded(text: str) -> bytes:
    try:
        audio = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise ServerFault(NOT_COMPLIANT, f"media.payload is no base64: {_shortened(text)}") from None
    if audio.startswith(b"RIFF"):
        raise ServerFault(NOT_COMPLIANT, "media.payload starts with a RIFF header; send raw mu-law")
    return audio


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")

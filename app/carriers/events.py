"""What a carrier's stream says and is told, free of any dialect.

Inbound (carrier to us): StreamStarted AudioReceived DigitPressed MarkReached StreamStopped.
Outbound (us to carrier): PlayAudio SendMark ClearAudio.
Audio is G.711 μ-law, 8,000 Hz, mono: 8 bytes a millisecond. They are made a hundred times a second for every call,
and msgspec makes them five times as fast as a frozen dataclass is made.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class StreamStarted(msgspec.Struct, frozen=True):
    """The carrier opened a stream for a call. `parameters` are the ones that our TwiML named."""

    stream_sid: str
    call_sid: str
    parameters: Mapping[str, str]


class AudioReceived(msgspec.Struct, frozen=True):
    """One frame of the caller's audio. `timestamp_ms` is media time since the stream began.

    `concealed` frames were lost on the way; their payload is made up so that time goes on.
    """

    payload: bytes
    timestamp_ms: int
    concealed: bool = False


class DigitPressed(msgspec.Struct, frozen=True):
    """A key of the keypad: 0-9, A-D, * or #."""

    digit: str

    def __repr__(self) -> str:
        return "DigitPressed(digit='•')"


class MarkReached(msgspec.Struct, frozen=True):
    """Everything sent before the mark was played, or was thrown away by a clear."""

    name: str


class StreamStopped(msgspec.Struct, frozen=True):
    """The carrier ended the stream in good order: the caller hung up, or the call was redirected."""


InboundEvent = StreamStarted | AudioReceived | DigitPressed | MarkReached | StreamStopped


class PlayAudio(msgspec.Struct, frozen=True):
    """Audio to append to what the carrier still has to play."""

    payload: bytes


class SendMark(msgspec.Struct, frozen=True):
    """A name for this position in the outbound audio; it comes back as `MarkReached`."""

    name: str


class ClearAudio(msgspec.Struct, frozen=True):
    """Throw away everything that has not been played; all outstanding marks come back at once."""


OutboundCommand = PlayAudio | SendMark | ClearAudio

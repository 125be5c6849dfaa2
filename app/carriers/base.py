"""What a carrier's dialect must do, and where dialects are found.

A dialect is one file in this package: a class under `@carrier_codec("name")`, with golden messages in
tests/wire/NAME.jsonl. One object serves one stream. It does no I/O and has no clock: text in, events out.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

import app.carriers
from app.carriers.events import InboundEvent, OutboundCommand


class Counted(StrEnum):
    """What a codec ignores, drops or repairs without ending the call. The values are names of metrics."""

    UNKNOWN_EVENT = "unknown_event"
    WRONG_STREAM = "wrong_stream"
    OTHER_TRACK = "other_track"
    AFTER_STOP = "after_stop"
    BAD_AUDIO = "bad_audio"
    BAD_DIGIT = "bad_digit"
    LOST_AUDIO = "lost_audio"
    DUPLICATE_AUDIO = "duplicate_audio"
    REORDERED_AUDIO = "reordered_audio"
    SEQUENCE_RESTART = "sequence_restart"


class CarrierCodec(Protocol):
    """Translates one stream of one carrier. Not for use after it raised."""

    @property
    def counts(self) -> Counter[Counted]:
        """How often something was ignored, dropped or repaired."""
        ...

    def receive(self, message: str | bytes, now: float) -> Sequence[InboundEvent]:
        """Events of one WebSocket message: `bytes` for a binary one. `now` is monotonic seconds.

        Raises RemoteProtocolError, with the close code, for what the dialect does not allow.
        """
        ...

    def send(self, command: OutboundCommand) -> str:
        """The text frame for a command. Raises LocalProtocolError before the stream has started."""
        ...


Codec = TypeVar("Codec", bound=Callable[[], CarrierCodec])
_CODECS: dict[str, Callable[[], CarrierCodec]] = {}


def carrier_codec(name: str) -> Callable[[Codec], Codec]:
    """Register a codec's class as a dialect."""

    def register(codec: Codec) -> Codec:
        _CODECS[name] = codec
        return codec

    return register


def carrier_codecs() -> Mapping[str, Callable[[], CarrierCodec]]:
    """Every dialect by name; call an entry to get the codec of a new stream."""
    for module in pkgutil.iter_modules(app.carriers.__path__):
        importlib.import_module(f"{app.carriers.__name__}.{module.name}")
    return _CODECS

"""Golden conversations: tests/wire/NAME.jsonl, one case a line.

name      what it shows
messages  what the carrier sends: text as it is, or an object to be sent as JSON; a millisecond apart
events    what must come of it, by type and fields, audio in base64
close     the close code that the last message earns, null for none
counts    what must have been ignored, dropped or repaired
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from app.carriers.base import CarrierCodec
from app.carriers.events import InboundEvent
from app.errors import RemoteProtocolError

WIRE = Path(__file__).parents[1] / "wire"


def cases(dialect: str) -> list[dict[str, Any]]:
    """All golden cases of a dialect."""
    lines = (WIRE / f"{dialect}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def texts(case: dict[str, Any]) -> Iterator[str]:
    """The messages of a case as they go over the wire."""
    for message in case["messages"]:
        yield message if isinstance(message, str) else json.dumps(message)


def described(event: InboundEvent) -> dict[str, Any]:
    """An event as the files write it."""
    fields = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in structs.asdict(event).items()
    }
    return {"type": type(event).__name__, **fields}


def played(codec: CarrierCodec, case: dict[str, Any]) -> dict[str, Any]:
    """What a codec makes of a case's messages, in the shape of the case's own answers."""
    events: list[dict[str, Any]] = []
    close = None
    for position, text in enumerate(texts(case)):
        assert close is None, f"message {position} after the close"
        made, close = answer(codec, text, position / 1000)
        events += map(described, made)
    return {"events": events, "close": close, "counts": dict(codec.counts)}


def answer(
    codec: CarrierCodec, message: str | bytes, now: float
) -> tuple[Sequence[InboundEvent], int | None]:
    """The events of a message, or the close code it earns; no other error may come of it."""
    try:
        return codec.receive(message, now), None
    except RemoteProtocolError as error:
        return (), error.close_code

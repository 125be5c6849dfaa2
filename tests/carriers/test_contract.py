"""What every registered dialect must keep, shown on its golden messages."""

from __future__ import annotations

from typing import Any

import pytest

from app.carriers.base import CarrierCodec, carrier_codecs
from app.carriers.events import ClearAudio, OutboundCommand, PlayAudio, SendMark
from app.errors import LocalProtocolError, RemoteProtocolError
from tests.carriers import golden

DIALECTS = sorted(carrier_codecs())
GOLDEN = [(dialect, case) for dialect in DIALECTS for case in golden.cases(dialect)]
COMMANDS: list[OutboundCommand] = [PlayAudio(b"\xff" * 160), SendMark("here"), ClearAudio()]

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def new(dialect: str) -> CarrierCodec:
    return carrier_codecs()[dialect]()


@pytest.mark.parametrize(
    ("dialect", "case"), GOLDEN, ids=[f"{name}: {case['name']}" for name, case in GOLDEN]
)
def test_golden(dialect: str, case: dict[str, Any]) -> None:
    answers = {name: case[name] for name in ("events", "close", "counts")}
    assert golden.played(new(dialect), case) == answers


@every_dialect
def test_has_good_and_bad_examples(dialect: str) -> None:
    closes = {case["close"] for case in golden.cases(dialect)}
    assert None in closes
    assert closes >= {1007, 1008}


@every_dialect
@pytest.mark.parametrize("command", COMMANDS, ids=repr)
def test_sends_nothing_before_the_start(dialect: str, command: OutboundCommand) -> None:
    with pytest.raises(LocalProtocolError, match=type(command).__name__):
        new(dialect).send(command)


@every_dialect
def test_refuses_binary_frames(dialect: str) -> None:
    with pytest.raises(RemoteProtocolError) as refusal:
        new(dialect).receive(b"{}", 0.0)
    assert refusal.value.close_code == 1003


@every_dialect
def test_streams_share_nothing(dialect: str) -> None:
    good = next(case for case in golden.cases(dialect) if case["close"] is None)
    first, second = new(dialect), new(dialect)
    assert golden.played(first, good) == golden.played(second, good)
    assert first.counts is not second.counts


@every_dialect
def test_shows_itself(dialect: str) -> None:
    assert type(new(dialect)).__name__ in repr(new(dialect))

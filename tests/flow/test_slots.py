"""What callers say, and the values it means: one file of phrasings per slot type and language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.errors import FlowError
from app.flow.document import Fields, parse
from app.flow.draft import Draft
from app.flow.languages import language
from app.flow.section import Section
from app.flow.slots import Hearing, SlotType, slot_types

PHRASINGS = Path(__file__).parent / "slots"
NOW = datetime(2026, 11, 13, 10, 0, tzinfo=ZoneInfo("America/New_York"))


def hearing(code: str, now: datetime = NOW) -> Hearing:
    return Hearing(language(code), now, caller="+15555550100", country="US")


def slot(declaration: str, code: str = "en") -> SlotType:
    """The slot type of a declaration as flow files have it."""
    faults: list[FlowError] = []
    tree = parse(declaration, "slot.yaml", faults)
    assert isinstance(tree, Fields)
    section = Section(tree, 'slot "test"', faults)
    kind = section.text("type") or ""
    found = slot_types()[kind].read(section, Draft(faults, (code,), [], {}))
    section.finish()
    assert not faults, faults
    return found


@dataclass(frozen=True)
class Phrasing:
    """One line of a table: `expected` is the value, `None`, or a value that is `rejected` by the slot's bounds."""

    kind: str
    code: str
    declaration: str
    now: datetime
    said: str
    expected: str

    @property
    def hearing(self) -> Hearing:
        return hearing(self.code, self.now)


def phrasings(kind: str = "*", code: str = "*") -> Iterator[Phrasing]:
    """Every line of the tables, each of which begins with a declaration: `[{type: date}] at 2026-11-17T10:00`."""
    for path in sorted(PHRASINGS.glob(f"{kind}.{code}.txt")):
        name, spoken = path.stem.split(".")
        declaration, now = "", NOW
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("["):
                declaration, moment = _declared(line)
                now = datetime.fromisoformat(moment).replace(tzinfo=NOW.tzinfo) if moment else NOW
            elif "=>" in line and not line.startswith("#"):
                said, _, expected = line.partition("=>")
                yield Phrasing(name, spoken, declaration, now, said.strip(), expected.strip())


def _declared(line: str) -> tuple[str, str]:
    """`[DECLARATION] at MOMENT`, in two."""
    declaration, _, moment = line.rpartition("]")
    return declaration[1:], moment.removeprefix(" at ")


@pytest.mark.parametrize(
    "one", [pytest.param(one, id=f"{one.kind}.{one.code} {one.said}") for one in phrasings()]
)
def test_phrasing(one: Phrasing) -> None:
    assert understood(one) == one.expected


def understood(one: Phrasing) -> str:
    """What comes of it, as the tables write it."""
    kind = slot(one.declaration, one.code)
    reading = kind.understand(one.said, one.hearing)
    if reading is None:
        return "None"
    value = str(reading.value).lower() if isinstance(reading.value, bool) else str(reading.value)
    if isinstance(reading.value, list):
        value = " ".join(map(str, reading.value)) or "nothing"
    return value if kind.accepts(reading.value, one.hearing) else f"{value} rejected"


@pytest.mark.parametrize("kind", sorted(slot_types()))
def test_there_are_enough_phrasings(kind: str) -> None:
    assert len(list(phrasings(kind, "en"))) >= 40
    for code in ("es", "fr", "de"):
        assert len(list(phrasings(kind, code))) >= 15, code

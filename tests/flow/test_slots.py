"""What callers say, and the values it means: one file of phrasings per slot type and language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from app.errors import FlowError
from app.flow.document import Fields, parse
from app.flow.draft import Draft
from app.flow.languages import language
from app.flow.section import Section
from app.flow.slots import Hearing, SlotType, slot_types

DATA = Path(__file__).parent / "data"
NOW = datetime(2026, 11, 13, 10, 0, tzinfo=ZoneInfo("America/New_York"))


def hearing(code: str) -> Hearing:
    return Hearing(language(code), NOW, caller="+15555550100", country="US")


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


def phrasings(kind: str = "*", code: str = "*") -> Iterator[tuple[str, str, str, str]]:
    """(language, declaration, said, expected) of every line."""
    for path in sorted(DATA.glob(f"{kind}.{code}.txt")):
        declaration = ""
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("["):
                declaration = line[1:-1]
            elif "=>" in line and not line.startswith("#"):
                said, _, expected = line.partition("=>")
                yield path.suffixes[-2][1:], declaration, said.strip(), expected.strip()


@pytest.mark.parametrize(("code", "declaration", "said", "expected"), list(phrasings()))
def test_phrasing(code: str, declaration: str, said: str, expected: str) -> None:
    value, _, rejected = (
        expected.rpartition(" rejected") if expected.endswith("rejected") else (expected, "", None)
    )
    kind = slot(declaration, code)
    reading = kind.understand(said, hearing(code))
    if value == "None":
        assert reading is None or not kind.accepts(reading.value, hearing(code))
        return
    assert reading is not None, "nothing was understood"
    wanted = yaml.safe_load(value) if type(reading.value) in (int, float, bool) else value
    assert reading.value == wanted
    assert kind.accepts(reading.value, hearing(code)) is (rejected is None)


@pytest.mark.parametrize("kind", ["choice", "date", "digits", "number", "phone", "time", "yes_no"])
def test_there_are_enough_phrasings(kind: str) -> None:
    assert len(list(phrasings(kind, "en"))) >= 40
    assert len(list(phrasings(kind, "es"))) >= 15

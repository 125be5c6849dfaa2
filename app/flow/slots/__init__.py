"""Slot types: what a value is, how it is spoken and pressed. One file per type, each registers itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeVar

from app.flow.languages import Language
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

T = TypeVar("T", bound="type[SlotType]")


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a slot type may rely on: the call's language, the time where the flow lives, and who calls.

    `country` (ISO 3166-1) decides how 11/12 is meant and what a national telephone number is; empty: unknown.
    """

    language: Language
    now: datetime
    caller: str = field(default="", repr=False)
    country: str = ""

    @property
    def today(self) -> date:
        return self.now.date()


@dataclass(frozen=True, slots=True)
class Reading:
    """A value found in an answer, as JSON. `score` 1: the answer was the value and nothing else.

    `others` are further readings, likeliest first: "two" is 14:00, or else 02:00. `rest` is what was said beside the
    value, in words that other types understand; empty where that is not known.
    """

    value: Json = field(repr=False)
    score: float = 1.0
    others: tuple[Json, ...] = field(default=(), repr=False)
    rest: str = field(default="", repr=False)
    # a bare number, which may be anything where nobody asked for it
    weak: bool = False


@dataclass(frozen=True, slots=True)
class KeyRule:
    """How a value is typed: exactly `length` keys, or at most `most`, ended by a pause or a `finish` key."""

    most: int
    length: int | None = None
    finish: str = "#"


DAY_PARTS: Final = {"weekday": "number", "day": "number", "month": "number", "year": "number"}


class Day(date):
    """A date whose `weekday` is 1 for Monday to 7, as the flow language counts."""

    @property
    def weekday(self) -> int:  # type: ignore[override]
        return self.isoweekday()


class SlotType:
    """A type with its options (`from: today`); subclasses are frozen dataclasses."""

    # the name in flow files, set by the decorator
    kind: ClassVar[str] = ""
    # what an expression may do with a value: text, number, flag, date, time or list
    expression_type: ClassVar[str] = "text"
    # what may be asked of a value, and the expression type of the answer: `day.weekday`
    parts: ClassVar[Mapping[str, str]] = {}

    # the languages in which a value is understood
    languages: ClassVar[frozenset[str]] = frozenset(("en", "es", "fr", "de"))
    # a value stands out in a sentence about something else, so it may be taken before it is asked for
    early: ClassVar[bool] = False
    # what is said beside a value tells whether it is meant as the answer
    weighed: ClassVar[bool] = False
    # nearly anything may be a value, so what is surely said to a global goes first
    yields: ClassVar[bool] = False
    # whatever is said is a value, so nothing can be recognised as one
    takes_anything: ClassVar[bool] = False

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        """The options of one slot declaration; faults go to the section."""
        return cls()

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        """The value that the words mean, None where they mean none."""
        return None

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        """The value of finished typing."""
        return None

    def key_rule(self) -> KeyRule | None:
        """How it is typed where the flow does not say; None: it is not."""
        return None

    def accepts(self, value: Json, hearing: Hearing) -> bool:
        """Whether a value understood keeps within the slot's own bounds."""
        return True

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        """Whether the words are a whole value; see effects.Grammar."""
        return None

    def begins(self, text: str, hearing: Hearing) -> bool:
        """Whether the words have a part of a value; see effects.Grammar."""
        return self.complete(text, hearing) is False

    def hints(self, language: str) -> tuple[str, ...]:
        """Phrases that a recogniser should expect."""
        return ()

    def native(self, value: Json) -> object:
        """The stored value as templates and expressions see it."""
        return value


_TYPES: dict[str, type[SlotType]] = {}


def slot_type(name: str) -> Callable[[T], T]:
    """Registers a slot type under the name that flow files use."""

    def register(cls: T) -> T:
        _TYPES[name] = cls
        cls.kind = name
        return cls

    return register


def slot_types() -> Mapping[str, type[SlotType]]:
    """Every type there is, by name."""
    _discover()
    return _TYPES


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")

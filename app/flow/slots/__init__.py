"""Slot types: what a value is, how it is spoken and pressed. One file per type, each registers itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from app.flow.languages import Language
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

ExpressionType = str
T = TypeVar("T", bound="type[SlotType]")


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a slot type may rely on: the call's language, and the caller's local time."""

    language: Language
    now: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """A value found in an answer. `score` 1: the whole answer was the value."""

    value: Json
    score: float = 1.0


class SlotType(Protocol):
    """A type with its options (`from: today`); immutable."""

    kind: ClassVar[str]
    # the type an expression sees, and the parts it may ask for: `day.weekday`
    expression_type: ClassVar[str]
    parts: ClassVar[Mapping[str, str]]

    @classmethod
    def read(cls, section: Section, draft: Draft) -> SlotType:
        """The options of one slot declaration; faults go to the section."""
        ...

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        """The value that the words mean, None where they mean none."""
        ...

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        """Whether the words are a whole value; see effects.Grammar."""
        ...

    def native(self, value: Json) -> object:
        """The stored value as templates and expressions see it."""
        ...


_TYPES: dict[str, type[SlotType]] = {}


def slot_type(name: str) -> Callable[[T], T]:
    """Registers a slot type under the name that flow files use."""

    def register(cls: T) -> T:
        _TYPES[name] = cls
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

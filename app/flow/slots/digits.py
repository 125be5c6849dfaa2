"""`digits`: a string of figures, such as a reference or a code. Options `length`, or `min` and `max`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from app.flow.figures import figure_text, find_figures
from app.flow.languages.calendar import Found
from app.flow.settling import settle
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.speaking import Digits as SpokenDigits
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

LONGEST = 32


@slot_type("digits")
@dataclass(frozen=True, slots=True)
class Digits(SlotType):
    """Kept as text: leading zeros count."""

    weighed: ClassVar[bool] = True
    least: int = 1
    most: int = LONGEST

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        length = section.integer("length", 1, LONGEST)
        least = section.integer("min", 1, LONGEST)
        most = section.integer("max", least or 1, LONGEST)
        if length is not None and (least or most):
            section.fault(section.place_of("length"), "length says it all; remove min and max")
        return cls(length or least or 1, length or most or LONGEST)

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        for runs in find_figures(text, hearing.language):
            fitting = [run for run in runs if self._fits(run.value)]
            settled = settle(fitting, figure_text(text, hearing.language), hearing.language)
            if settled is not None:
                return Reading(settled.found.value, settled.score, rest=settled.rest)
        return None

    def _fits(self, figures: str) -> bool:
        return figures.isdigit() and self.least <= len(figures) <= self.most

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        return Reading(keys) if self._fits(keys) else None

    def key_rule(self) -> KeyRule | None:
        return KeyRule(self.most, self.most if self.least == self.most else None)

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        if self.understand(text, hearing):
            return True if self.least == self.most else None
        return False if figures_so_far(find_figures(text, hearing.language)) < self.least else None

    def begins(self, text: str, hearing: Hearing) -> bool:
        return figures_so_far(find_figures(text, hearing.language)) > 0

    def native(self, value: Json) -> object:
        return SpokenDigits(value)


def figures_so_far(readings: Iterable[list[Found]]) -> int:
    """How many figures were said, in the most generous reading."""
    return max((len(run.value) for runs in readings for run in runs), default=0)

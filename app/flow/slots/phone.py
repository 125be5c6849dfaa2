"""`phone`: a telephone number, kept in E.164 where its country is known. Option `country`, as in `country: GB`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Self

from app.flow.figures import figure_text, find_figures
from app.flow.settling import excluded, settle
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.slots.digits import figures_so_far
from app.flow.speaking import Digits as SpokenDigits
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section


@dataclass(frozen=True, slots=True)
class Plan:
    """A country's numbering: its code, what is dialled before national numbers, and their lengths without that."""

    code: str
    trunk: str
    least: int
    most: int


# ITU-T E.164 country codes; lengths as in the countries' national numbering plans
PLANS: Final = {
    "AR": Plan("54", "0", 10, 11),
    "AT": Plan("43", "0", 7, 13),
    "AU": Plan("61", "0", 9, 9),
    "BE": Plan("32", "0", 8, 9),
    "CA": Plan("1", "1", 10, 10),
    "CH": Plan("41", "0", 9, 9),
    "CL": Plan("56", "", 9, 9),
    "CO": Plan("57", "", 10, 10),
    "DE": Plan("49", "0", 6, 13),
    "ES": Plan("34", "", 9, 9),
    "FR": Plan("33", "0", 9, 9),
    "GB": Plan("44", "0", 10, 10),
    "IE": Plan("353", "0", 7, 9),
    "IN": Plan("91", "0", 10, 10),
    "IT": Plan("39", "", 6, 11),
    "MX": Plan("52", "", 10, 10),
    "NL": Plan("31", "0", 9, 9),
    "NZ": Plan("64", "0", 8, 10),
    "PE": Plan("51", "0", 8, 9),
    "PT": Plan("351", "", 9, 9),
    "US": Plan("1", "1", 10, 10),
    "ZA": Plan("27", "0", 9, 9),
}
UNKNOWN: Final = Plan("", "", 7, 15)


@slot_type("phone")
@dataclass(frozen=True, slots=True)
class Phone(SlotType):
    """`+` and country code where one is known, else the figures as they were given."""

    early: ClassVar[bool] = True
    weighed: ClassVar[bool] = True
    country: str = ""

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        return cls(section.choice("country", tuple(PLANS)) or "")

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        plain = figure_text(text, hearing.language)
        for runs in find_figures(text, hearing.language):
            fitting = [run for run in runs if self._number(run.value, hearing)]
            settled = settle(fitting, plain, hearing.language)
            if settled is not None:
                return Reading(self._number(settled.found.value, hearing), settled.score, rest=settled.rest)
        for phrase in hearing.language.this_number if hearing.caller else ():
            hit = re.search(phrase, plain)
            if hit and not excluded(plain, hit.start(), hit.end(), (), hearing.language):
                return Reading(hearing.caller, rest=f"{plain[: hit.start()]} {plain[hit.end() :]}")
        return None

    def _plan(self, hearing: Hearing) -> Plan:
        return PLANS.get(self.country or hearing.country, UNKNOWN)

    def _number(self, figures: str, hearing: Hearing) -> str | None:
        """The number as it is kept, None where it can be none."""
        digits = figures.lstrip("+")
        if not digits.isdigit():
            return None
        if figures.startswith("+") or figures.startswith("00"):
            digits = digits.removeprefix("00")
            return _international(digits)
        plan = self._plan(hearing)
        national = digits.removeprefix(plan.trunk)
        if not plan.least <= len(national) <= plan.most:
            return None
        return f"+{plan.code}{national}" if plan.code else national

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        number = self._number(keys, hearing) if keys.isdigit() else None
        return Reading(number) if number else None

    def key_rule(self) -> KeyRule | None:
        return KeyRule(15)

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        plan = self._plan(hearing)
        if self.understand(text, hearing):
            return True if plan.least == plan.most else None
        return False if figures_so_far(find_figures(text, hearing.language)) < plan.least else None

    def begins(self, text: str, hearing: Hearing) -> bool:
        return figures_so_far(find_figures(text, hearing.language)) > 0

    def native(self, value: Json) -> object:
        return SpokenDigits(value)


def _international(digits: str) -> str | None:
    """E.164: 8 to 15 figures, not beginning with 0, of the right length where the country is known."""
    if not 8 <= len(digits) <= 15 or digits.startswith("0"):
        return None
    plans = [plan for plan in PLANS.values() if digits.startswith(plan.code)]
    for plan in plans:
        # "+44 (0)20 …" is often read out with its zero
        national = digits[len(plan.code) :].removeprefix("0" if plan.trunk == "0" else "")
        if plan.least <= len(national) <= plan.most:
            return f"+{plan.code}{national}"
    return None if plans else f"+{digits}"

"""`number`: an amount, whole or not. Options `min` and `max`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from app.flow.figures import joined_thousands, plain_number
from app.flow.languages import Language
from app.flow.languages.calendar import Found, longest
from app.flow.settling import settle
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

GREATEST = 999_999_999


@slot_type("number")
@dataclass(frozen=True, slots=True)
class Number(SlotType):
    """An int where it is whole, else a float."""

    early: ClassVar[bool] = True
    weighed: ClassVar[bool] = True
    expression_type: ClassVar[str] = "number"
    least: float | None = None
    most: float | None = None

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        least = section.number("min", -GREATEST, GREATEST)
        return cls(least, section.number("max", -GREATEST if least is None else least, GREATEST))

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        found, plain = _find(text, hearing.language)
        settled = settle(found, plain, hearing.language)
        if settled is None and len(found) > 1:
            found, plain = _find(_without_articles(text, hearing.language), hearing.language)
            settled = settle(found, plain, hearing.language)
        return Reading(_value(settled.found.value), settled.score, rest=settled.rest) if settled else None

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        """The star key is the decimal point."""
        text = keys.replace("*", ".")
        return Reading(_value(text)) if re.fullmatch(r"\d{1,9}(\.\d{1,4})?", text) else None

    def key_rule(self) -> KeyRule | None:
        return KeyRule(9)

    def accepts(self, value: Json, hearing: Hearing) -> bool:
        if not isinstance(value, int | float):
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        """Known only where nothing can follow: "twenty five" up to 99 is whole, "twenty" is not."""
        numbers = hearing.language.numbers
        last = hearing.language.tokens(text)[-1:]
        if last and (
            last[0] in numbers.joiners | numbers.point | numbers.minus or last[0] in numbers.repeats
        ):
            return False
        reading = self.understand(text, hearing)
        whole = reading.value if reading else None
        bounded = isinstance(whole, int) and self.most is not None and self.most < 100
        return (
            True if bounded and isinstance(whole, int) and (whole % 10 or whole == 10) and whole > 9 else None
        )


def _value(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


def _find(text: str, language: Language) -> tuple[list[Found], str]:
    """Amounts, with their places in the utterance written with figures."""
    numbers = language.numbers
    plain = f" {' '.join(language.tokens(joined_thousands(text, language)))} "
    for phrase, value in sorted(numbers.amounts, key=lambda amount: -len(amount[0])):
        plain = re.sub(rf"(?<= ){phrase}(?: (?:of|de|di))?(?= )", str(value), plain)
    plain = " ".join(numbers.numerals(plain.split()))
    return longest(list(_amounts(plain, language))), plain


def _without_articles(text: str, language: Language) -> str:
    """ "Una mesa para cuatro" has one number; "un niño y dos adultos" has two, which nobody added up."""
    tokens = language.tokens(text)
    if language.speech.conjunction in tokens:
        return text
    ones = {
        one for one in tokens if one in language.function_words and language.numbers.numerals([one]) == ["1"]
    }
    return " ".join(one for one in tokens if one not in ones)


def _amounts(plain: str, language: Language) -> Iterator[Found]:
    numbers = language.numbers
    point = "|".join(sorted(numbers.point))
    minus = "|".join(sorted(numbers.minus))
    half = language.half
    pattern = (
        rf"(?P<minus>(?:{minus}) )?(?P<whole>\d+(?:[.,]\d+)*)"
        rf"(?:(?: (?:{point}) (?P<fraction>\d+(?: \d)*))|(?P<half> {half}))?"
        rf"(?![\w.,:/-])"
    )
    for hit in re.finditer(pattern, plain):
        whole = plain_number(hit["whole"], language)
        fraction = (hit["fraction"] or ("5" if hit["half"] else "")).replace(" ", "")
        sign = "-" if hit["minus"] else ""
        yield Found(f"{sign}{whole}{'.' * bool(fraction)}{fraction}", hit.start(), hit.end())

"""`money`: an amount in a currency, kept as "42.50 USD". Options `currency`, `min` and `max`.

    price: {type: money, currency: EUR, min: 5, max: 500}

In expressions it is its amount, a number, and `price.currency` its ISO 4217 code. An amount said in another currency
than the declared one is refused; without the option any will do, and a bare amount is in that of the country.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final, Self

from app.flow.figures import joined_thousands, plain_number
from app.flow.languages import Language, language
from app.flow.languages.calendar import Found, longest
from app.flow.languages.currencies import MONEY_WORDS, NAMESAKES, SYMBOLS
from app.flow.settling import settle
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.speaking import Money as SpokenMoney
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

CURRENCIES: Final = ("USD", "EUR", "GBP", "CAD", "AUD", "CHF")
_OF_COUNTRY: Final = {"US": "USD", "CA": "CAD", "GB": "GBP", "AU": "AUD", "CH": "CHF"}
GREATEST: Final = 9_999_999


@slot_type("money")
@dataclass(frozen=True, slots=True)
class Money(SlotType):
    """`least` and `most` bound the amount."""

    expression_type: ClassVar[str] = "number"
    parts: ClassVar[Mapping[str, str]] = {"currency": "text"}
    early: ClassVar[bool] = True
    weighed: ClassVar[bool] = True
    currency: str = ""
    least: float = 0
    most: float = GREATEST

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        currency = section.choice("currency", CURRENCIES)
        least = section.number("min", 0, GREATEST) or 0
        most = section.number("max", least, GREATEST)
        return cls(currency or "", least, GREATEST if most is None else most)

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        found, plain = self._find(text, hearing)
        settled = settle(found, plain, hearing.language)
        if settled is None:
            return None
        weak = settled.found.weak
        return Reading(settled.found.value, settled.score, rest=settled.rest, weak=weak)

    def _find(self, text: str, hearing: Hearing) -> tuple[list[Found], str]:
        plain = _plain(text, hearing.language)
        return longest(list(_amounts(plain, hearing.language, self._expected(hearing)))), plain

    def _expected(self, hearing: Hearing) -> str:
        abroad = "USD" if hearing.language.code == "en" else "EUR"
        known = _OF_COUNTRY.get(hearing.country) if hearing.language.code == "en" else None
        return self.currency or known or abroad

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        """The star key is the decimal point."""
        text = keys.replace("*", ".")
        if not re.fullmatch(r"\d{1,7}(\.\d{1,2})?", text):
            return None
        return Reading(f"{float(text):.2f} {self._expected(hearing)}")

    def key_rule(self) -> KeyRule | None:
        return KeyRule(10)

    def accepts(self, value: Json, hearing: Hearing) -> bool:
        amount = self._native(value)
        wanted = self.currency in ("", amount.currency)
        return wanted and self.least <= amount <= self.most

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        spoken = hearing.language
        found, plain = self._find(text, hearing)
        last = plain.split()[-1:]
        if last and last[0] in spoken.numbers.joiners | spoken.numbers.point | {
            MONEY_WORDS[spoken.code].joiner
        }:
            return False
        if not found or plain[found[-1].end :].strip():
            return None
        # "forty two" may go on with its cents, "forty two dollars" too
        return None if ".00 " in found[-1].value or found[-1].weak else True

    def native(self, value: Json) -> object:
        return self._native(value)

    def _native(self, value: Json) -> SpokenMoney:
        amount, _, currency = str(value).partition(" ")
        return SpokenMoney(float(amount), currency or self.currency or "USD")


def _plain(text: str, spoken: Language) -> str:
    """The utterance with figures for numbers and a name for every sign."""
    for symbol, code in SYMBOLS.items():
        text = re.sub(rf"(?<!\d)(?<!\d )\{symbol} ?(\d[\d.,]*)", rf"\1 {code} ", text).replace(
            symbol, f" {code} "
        )
    text = re.sub(r"(\d)p\b", r"\1 p", joined_thousands(text, spoken))
    words = MONEY_WORDS[spoken.code]
    plain = " ".join(spoken.numbers.numerals(spoken.tokens(text)))
    for phrase, value in spoken.numbers.amounts:
        if isinstance(value, float):
            plain = re.sub(rf"\b{phrase}\b", str(value), plain)
    if words.one:
        names = "|".join((*words.units.values(), words.hundredths))
        plain = re.sub(rf"\b{words.one} (?=(?:{names})\b)", "1 ", plain)
    for name, amount in words.notes:
        plain = re.sub(rf"\b{name}\b", amount, plain)
    return plain


def _amounts(plain: str, spoken: Language, expected: str) -> Iterator[Found]:
    for hit in _pattern(spoken.code).finditer(plain):
        unit = next((code for code in MONEY_WORDS[spoken.code].units if hit[code]), "")
        family = next((one for one in NAMESAKES if unit in one), {expected})
        currency = expected if expected in family else unit
        amount = _amount(hit, spoken, bool(unit))
        if amount is not None:
            yield Found(f"{amount:.2f} {currency}", hit.start(), hit.end(), weak=not (unit or hit["small"]))


def _amount(hit: re.Match[str], spoken: Language, named: bool) -> float | None:
    if hit["small"]:
        return int(hit["small"]) / 100
    whole = plain_number(hit["whole"], spoken)
    amount = float(whole if whole.count(".") < 2 else whole.replace(".", ""))
    if hit["fraction"]:
        return float(f"{int(amount)}.{hit['fraction'].replace(' ', '')}")
    if hit["half"] or hit["later_half"]:
        return amount + 0.5
    cents = (hit["cents"] or "").replace(" ", "")
    # "fifty and sixty" are two amounts, "nine five" is none
    if (
        cents
        and not named
        and (len(cents) < 2 or hit["joiner"] in spoken.numbers.joiners | spoken.alternatives)
    ):
        return None
    return amount + int(cents or 0) / 100


@cache
def _pattern(code: str) -> re.Pattern[str]:
    """An amount, its unit and its hundredths, or hundredths alone."""
    spoken, words = language(code), MONEY_WORDS[code]
    point = "|".join(sorted(spoken.numbers.point))
    units = "|".join(f"(?P<{unit}>{names})" for unit, names in words.units.items())
    return re.compile(
        rf"(?<![\w.,:/-])(?:(?P<small>\d\d?) (?:{words.hundredths})|(?P<whole>\d+(?:[.,]\d+)*)"
        rf"(?: (?:{point}) (?P<fraction>\d+(?: \d)*)| (?P<half>{spoken.half}))?(?: (?:{units}))?"
        rf"(?: (?P<later_half>{spoken.half})"
        rf"|(?: (?P<joiner>{words.joiner}))? (?P<cents>0 \d|\d\d?)(?: (?:{words.hundredths}))?)?)"
        r"(?![\w.,:/-])"
    )

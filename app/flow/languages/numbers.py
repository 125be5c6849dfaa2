"""Numbers in words: understood and spoken from one table per language.

`numerals` rewrites an utterance with every number as figures, so that dates, times and amounts need one grammar for
"the fifteenth" and "the 15th" alike: ordinals become "15th" in every language, cardinals plain figures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

_TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)+|\d+[a-z]{1,3}(?![a-z])|\d+|[^\W\d_]+|\+")
_HALF_OF_DAY = re.compile(r"\b(\d+(?:[.:]\d+)?)([ap]m)\b")
_SPACED_HALF = re.compile(r"\b([ap]) m\b")
# how recognisers that learned from old books write it
_OLD_SPELLING = re.compile(r"\bto(?:-(?=day\b)|[- ](?=(?:morrow|night)\b))")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|o|a|os|er|ere|e|eme|te|ten|ter)")


def tokens(text: str) -> list[str]:
    """Lower-case words and figures without accents: "On 9.30 p.m., the 15th" is on 9.30 pm the 15th."""
    folded = text.casefold().replace("'", "").replace("’", "")
    if not folded.isascii():
        letters = unicodedata.normalize("NFKD", folded)
        folded = "".join(one for one in letters if not unicodedata.combining(one))
    joined = _HALF_OF_DAY.sub(r"\1 \2", " ".join(_TOKEN.findall(_OLD_SPELLING.sub("to", folded))))
    return _SPACED_HALF.sub(r"\1m", joined).replace(" o clock", " oclock").split()


@dataclass(frozen=True, slots=True)
class PhraseTable:
    """Values by phrase; `firsts` are the words that phrases begin with, `longest` their greatest length in words."""

    values: Mapping[tuple[str, ...], int]
    firsts: frozenset[str]
    longest: int

    @classmethod
    def of(cls, phrases: Iterable[tuple[str, int]]) -> PhraseTable:
        values = {tuple(tokens(phrase)): value for phrase, value in phrases}
        return cls(values, frozenset(words[0] for words in values), max(map(len, values)))


@dataclass(frozen=True)
class NumberWords:
    """One language's numbers.

    `small` are the phrases for 0 to 99, the first for each value being the spoken one; `hundreds` those for whole
    hundreds. `joiners` may stand between the parts ("two hundred AND five"). `repeats` are "double" and the like.
    `homophones` are what a recogniser writes for a figure among figures, `zeros` what people say for 0 there.
    """

    small: Sequence[tuple[str, int]]
    hundreds: Sequence[tuple[str, int]]
    thousand: Mapping[str, int]
    ordinals: Sequence[tuple[str, int]]
    joiners: frozenset[str] = frozenset()
    joiner_spoken: str = ""
    # 100 when something follows it: "ciento uno"
    hundred_with_rest: str = ""
    # compounds are written as one word: "zweihundertfünf"
    compound: bool = False
    repeats: Mapping[str, int] = field(default_factory=dict)
    homophones: Mapping[str, str] = field(default_factory=dict)
    zeros: frozenset[str] = frozenset()
    plus: frozenset[str] = frozenset()
    minus: frozenset[str] = frozenset()
    point: frozenset[str] = frozenset()
    # what may stand between groups of figures
    separators: frozenset[str] = frozenset()
    amounts: Sequence[tuple[str, float]] = ()

    @cached_property
    def _phrases(self) -> PhraseTable:
        return PhraseTable.of(reversed(self.small))

    @cached_property
    def _hundreds(self) -> PhraseTable:
        return PhraseTable.of(self.hundreds)

    @cached_property
    def _ordinals(self) -> PhraseTable:
        return PhraseTable.of(self.ordinals)

    @cached_property
    def _spoken(self) -> dict[int, str]:
        return {value: phrase for phrase, value in reversed((*self.small, *self.hundreds))}

    @property
    def hundred_beginnings(self) -> frozenset[str]:
        """The words that hundreds begin with."""
        return self._hundreds.firsts

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return self._phrases.firsts | self._hundreds.firsts | frozenset(self.thousand)

    def cardinal(self, words: Sequence[str], at: int) -> tuple[int, int] | None:
        """(value, tokens used) of the longest number in words at a position; figures count as words."""
        if at >= len(words) or not (words[at] in self._beginnings or words[at].isdigit() or self.compound):
            return None
        if self.compound and (value := self._compound_thousands(words[at] if at < len(words) else "")):
            return value, 1
        total, end, used = 0, at, False
        for word_values in (1_000_000, 1000):
            part = self._below_thousand(words, end)
            after = part[1] if part else end
            if after < len(words) and self.thousand.get(words[after]) == word_values:
                total += (part[0] if part else 1) * word_values
                end, used = after + 1, True
                if end < len(words) and words[end] in self.joiners and self._below_thousand(words, end + 1):
                    end += 1
        rest = self._below_thousand(words, end, figures=not used)
        if rest is None:
            return (total, end - at) if used else None
        return total + rest[0], rest[1] - at

    def _compound_thousands(self, word: str) -> int:
        """The value of "zwölftausendfünfhundert", 0 where a word is none."""
        thousand = next(one for one, size in self.thousand.items() if size == 1000)
        head, found, tail = word.partition(thousand)
        if not found or not (head or tail):
            return 0
        parts = [
            self._below_thousand([part], 0) if part else (default, 1)
            for part, default in ((head, 1), (tail, 0))
        ]
        values = [part[0] for part in parts if part is not None]
        return values[0] * 1000 + values[1] if len(values) == 2 else 0

    def round_hundred(self, words: Sequence[str], at: int) -> tuple[int, int] | None:
        """(value, tokens used) of whole hundreds at a position, whatever follows them."""
        found = _longest(self._hundreds, words, at)
        return (found[0], found[1] - at) if found and found[0] % 100 == 0 else None

    def _below_thousand(self, words: Sequence[str], at: int, figures: bool = True) -> tuple[int, int] | None:
        """(value, end) at a position."""
        if figures and at < len(words) and words[at].isdigit() and len(words[at]) <= 3:
            return int(words[at]), at + 1
        hundreds = _longest(self._hundreds, words, at)
        if hundreds is None:
            return _longest(self._phrases, words, at)
        value, end = hundreds
        joined = end < len(words) and words[end] in self.joiners
        rest = _longest(self._phrases, words, end + joined)
        return (value + rest[0], rest[1]) if rest and value % 100 == 0 and rest[0] else hundreds

    def ordinal(self, words: Sequence[str], at: int) -> tuple[int, int] | None:
        """(value, end) of "fifteenth" or "15th"."""
        figure = _ORDINAL.fullmatch(words[at])
        return (int(figure[1]), at + 1) if figure else _longest(self._ordinals, words, at)

    def numerals(self, words: Sequence[str]) -> list[str]:
        """The utterance with its numbers as figures."""
        found: list[str] = []
        at = 0
        while at < len(words):
            ordinal = self.ordinal(words, at)
            cardinal = self.cardinal(words, at)
            if ordinal and (not cardinal or ordinal[1] >= at + cardinal[1]):
                found.append(f"{ordinal[0]}th")
                at = ordinal[1]
            elif cardinal:
                alone = cardinal[1] == 1 and words[at].isdigit()
                found.append(words[at] if alone else str(cardinal[0]))
                at += cardinal[1]
            else:
                zero = words[at] in self.zeros and found and found[-1].isdigit()
                found.append("0" if zero else words[at])
                at += 1
        return found

    def spell(self, value: int) -> str:
        """The number in words, 0 to 999,999; figures beyond."""
        if not 0 <= value < 1_000_000:
            return str(value)
        thousands, rest = divmod(value, 1000)
        if not thousands:
            return self._spell_below_thousand(rest)
        word = next(word for word, size in self.thousand.items() if size == 1000)
        one = self.compound or self.hundred_with_rest
        head = word if thousands == 1 and one else self._join(self._spell_below_thousand(thousands), word)
        tail = self._spell_below_thousand(rest) if rest else ""
        joiner = self.joiner_spoken if 0 < rest < 100 else ""
        return self._join(head, joiner, tail)

    def _spell_below_thousand(self, value: int) -> str:
        if value in self._spoken and (value < 100 or value % 100 == 0):
            return self._spoken[value]
        hundred, rest = value // 100 * 100, value % 100
        head = self.hundred_with_rest if hundred == 100 and self.hundred_with_rest else self._spoken[hundred]
        return self._join(head, self.joiner_spoken, self._spoken[rest])

    def _join(self, *parts: str) -> str:
        return ("" if self.compound else " ").join(part for part in parts if part)


def _longest(table: PhraseTable, words: Sequence[str], at: int) -> tuple[int, int] | None:
    """(value, end) of the longest phrase of the table at a position."""
    if at >= len(words) or words[at] not in table.firsts:
        return None
    for end in range(min(len(words), at + table.longest), at, -1):
        value = table.values.get(tuple(words[at:end]))
        if value is not None:
            return value, end
    return None


def combined(
    tens: Sequence[tuple[str, int]], units: Sequence[tuple[str, int]], glue: str
) -> list[tuple[str, int]]:
    """Tens with units: "twenty" and "one" with glue " " make "twenty one"."""
    return [(f"{ten}{glue}{unit}", value + more) for ten, value in tens for unit, more in units]


def counted(words: str, start: int, step: int = 1) -> list[tuple[str, int]]:
    """Words for consecutive values: "one two three" from 1."""
    return [(word, start + step * index) for index, word in enumerate(words.split())]

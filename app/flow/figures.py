"""Strings of figures as people say them: "oh seven double five, four hundred", "44 71", "for for seven one"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.flow.languages import Language
from app.flow.languages.calendar import Found
from app.flow.languages.numbers import NumberWords

_FIGURES = re.compile(r"\d[\d.,:/-]*")


def figure_text(text: str, language: Language) -> str:
    """The text that the places of `find_figures` refer to."""
    return " ".join(language.tokens(text))


def find_figures(text: str, language: Language) -> Iterator[list[Found]]:
    """Every run of figures, in one reading after the other; which one is meant, the value's length must tell.

    "eight hundred five" is 805 first and 800 5 then; words that merely sound like figures count at the ends of a run
    only in the last readings. A value may begin with "+". Where nothing can be read otherwise there is one reading.
    """
    words, numbers = language.tokens(text), language.numbers
    doubtful = any(word in numbers.zeros or word in numbers.homophones for word in words)
    hundreds = any(word in numbers.hundred_beginnings for word in words)
    for generous in (False, True) if doubtful else (False,):
        for round_hundreds in (False, True) if hundreds else (False,):
            yield _runs(words, numbers, Manner(generous, round_hundreds))


@dataclass(frozen=True, slots=True)
class Manner:
    """How to read figures: see find_figures."""

    generous: bool
    round_hundreds: bool


def _runs(words: Sequence[str], numbers: NumberWords, manner: Manner) -> list[Found]:
    offsets = [0]
    for word in words:
        offsets.append(offsets[-1] + len(word) + 1)
    found = []
    at = 0
    while at < len(words):
        value, end = _run(words, at, numbers, manner)
        if value.strip("+"):
            found.append(Found(value, offsets[at], offsets[end] - 1))
        at = max(end, at + 1)
    return found


def _run(words: Sequence[str], at: int, numbers: NumberWords, manner: Manner) -> tuple[str, int]:
    """(figures, end) of the run that begins at a position; no figures where none does."""
    value, end = "", at
    while at < len(words):
        piece = _piece(words, at, numbers, manner) or _sound(words, at, numbers, bool(value), manner)
        if piece is not None:
            value, at = value + piece[0], piece[1]
            end = at
        elif value and words[at] in numbers.separators:
            at += 1
        else:
            break
    return value, end


def _piece(words: Sequence[str], at: int, numbers: NumberWords, manner: Manner) -> tuple[str, int] | None:
    """Figures that are beyond doubt: "44", "seven", "double five", "four hundred and twelve", "555-0100"."""
    word = words[at]
    if word == "+" or (
        word in numbers.plus and at + 1 < len(words) and _piece(words, at + 1, numbers, manner)
    ):
        return "+", at + 1
    if word in numbers.repeats:
        inner = _one_figure(words, at + 1, numbers)
        return (inner[0] * numbers.repeats[word], inner[1]) if inner else None
    if _FIGURES.fullmatch(word):
        return re.sub(r"\D", "", word), at + 1
    cardinal = (manner.round_hundreds and numbers.round_hundred(words, at)) or numbers.cardinal(words, at)
    return (str(cardinal[0]), at + cardinal[1]) if cardinal else None


def _one_figure(words: Sequence[str], at: int, numbers: NumberWords) -> tuple[str, int] | None:
    if at >= len(words):
        return None
    if words[at] in numbers.zeros or words[at] in numbers.homophones:
        return numbers.homophones.get(words[at], "0"), at + 1
    cardinal = numbers.cardinal(words, at)
    return (str(cardinal[0]), at + cardinal[1]) if cardinal and cardinal[0] < 10 else None


def _sound(
    words: Sequence[str], at: int, numbers: NumberWords, started: bool, manner: Manner
) -> tuple[str, int] | None:
    """A word that sounds like a figure, where figures stand around it."""
    figure = "0" if words[at] in numbers.zeros else numbers.homophones.get(words[at])
    if figure is None or not (started or manner.generous):
        return None
    follows = at + 1 < len(words) and (
        _piece(words, at + 1, numbers, manner) or words[at + 1] in numbers.homophones
    )
    return (figure, at + 1) if follows or manner.generous else None


def plain_number(written: str, language: Language) -> str:
    """1,250.5 as it is written in English, 1.250,5 elsewhere, without the marks for thousands."""
    mark = "," if language.decimal_mark == "." else "."
    if re.fullmatch(rf"\d{{1,3}}(?:\{mark}\d{{3}})+(?:\{language.decimal_mark}\d+)?", written):
        written = written.replace(mark, "")
    return re.sub(r"[.,](?=.*[.,])", "", written).replace(",", ".")


def joined_thousands(text: str, language: Language) -> str:
    """ "1 250,50", as it is written where the comma is the decimal mark, in one piece."""
    if language.decimal_mark == ".":
        return text
    return re.sub(r"(?<![\d,.])(\d{1,3})((?:[ \u00a0\u202f]\d{3})+)(?!\d)", _joined, text)


def _joined(hit: re.Match[str]) -> str:
    return re.sub(r"\s", "", hit[0])

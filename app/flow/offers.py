"""Choosing from what was offered: "nine thirty", "the second one", "the morning one", or a plain "yes" to a single
offer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.flow.languages import Language
from app.flow.languages.numbers import tokens
from app.flow.slots import Reading
from app.flow.values import Json
from app.flow.yes_no import understand_yes_no

NOON: Final = "12:00"


def pick(reading: Reading | None, offered: Sequence[Json], text: str, spoken: Language) -> Reading | None:
    """The offered value that is meant; a reading that is not on offer stays, to be refused in so many words.

    "One" in "the first one" is no time, nor is "two" in "number two".
    """
    if reading is None or reading.weak:
        placed = _placed(offered, text, spoken)
        if placed is not None:
            return placed
    if reading is not None:
        values = (reading.value, *reading.others)
        return next((replace(reading, value=value) for value in values if value in offered), reading)
    return None


def _placed(offered: Sequence[Json], text: str, spoken: Language) -> Reading | None:
    answer = understand_yes_no(text, spoken) if len(offered) == 1 else None
    if answer is not None:
        return Reading(offered[0]) if answer.name == "yes" else None
    found = place(text, len(offered), spoken) or _by_half_of_day(offered, text, spoken)
    return Reading(offered[found[0]], rest=found[1]) if found else None


def place(text: str, count: int, spoken: Language) -> tuple[int, str] | None:
    """Which of so many is meant by its place, counted from 0, and what else was said."""
    plain, places = " ".join(spoken.tokens(text)), spoken.places
    ordinals = ((index, _hit(word, plain)) for index, word in enumerate(places.nth))
    found = {index: hit for index, hit in ordinals if hit and not _is_of_a_month(hit, spoken)}
    keyed = _hit(rf"(?:{'|'.join(spoken.key_words)}) (\d)", " ".join(spoken.numbers.numerals(plain.split())))
    if keyed:
        found[int(keyed[1]) - 1] = keyed
    if count == 3 and (hit := _hit(places.middle, plain)):
        found[1] = hit
    if not found and (hit := _hit(places.last, plain)):
        found[count - 1] = hit
    if len(found) != 1:
        return None
    ((index, hit),) = found.items()
    return (index, _without(hit)) if 0 <= index < count else None


def _by_half_of_day(offered: Sequence[Json], text: str, spoken: Language) -> tuple[int, str] | None:
    """The only one of the times on offer that is in that half of the day."""
    plain = " ".join(spoken.tokens(text))
    for pattern, early in ((spoken.places.morning, True), (spoken.places.afternoon, False)):
        hit = _hit(pattern, plain)
        fitting = [index for index, one in enumerate(offered) if (str(one) < NOON) is early]
        if hit and len(fitting) == 1:
            return fitting[0], _without(hit)
    return None


def _hit(pattern: str, text: str) -> re.Match[str] | None:
    return re.search(rf"\b(?:{pattern})\b", text)


def _is_of_a_month(hit: re.Match[str], spoken: Language) -> bool:
    """ "May third", "the third of May": a day, whatever was offered. "The first one may do" is none."""
    months = {word for name in spoken.calendar.months for word in tokens(name)}
    before, after = hit.string[: hit.start()].split(), hit.string[hit.end() :].split()
    if after and after[0] in spoken.calendar.open_endings:
        del after[0]
    return bool(months & {*before[-1:], *after[:1]})


def _without(hit: re.Match[str]) -> str:
    return f"{hit.string[: hit.start()]} {hit.string[hit.end() :]}"

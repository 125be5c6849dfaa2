"""What a caller says before it is asked for: "an appointment on Monday at eleven".

What was said beside an answer is kept in `State.early`. A node that is entered looks there first: a `collect` whose
value stands there plainly is satisfied, a `menu` whose choice stands there is answered. Whatever is taken is taken out,
so that nothing is taken twice. Sensitive and modal questions are always put.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from app.flow.phrases import words_of

if TYPE_CHECKING:
    from app.flow.model import Scene
    from app.flow.slots import Reading, SlotType

# types whose values stand out most come first: a number may be a part of any of the others
PLAINEST: Final = ("email_spelled", "postcode", "phone", "money", "date", "time", "choice", "list", "number")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def without_values(scene: Scene, text: str, kind: str = "") -> str:
    """The text less the values that it plainly holds for slots of the flow.

    With a kind, only those that are plainer than its own.
    """
    hearing = scene.hearing
    for one in _early_types(scene, kind):
        reading = one.understand(text, hearing)
        text = reading.rest if reading is not None and reading.rest and not reading.weak else text
    return text


def without_details(scene: Scene, text: str) -> str:
    """The text less all that may be or name a value, be it clear which or not: "two or three", "my number is"."""
    spoken = scene.hearing.language
    names = {
        plain for name in (*spoken.calendar.weekdays, *spoken.calendar.months) for plain in words_of(name)
    }
    names |= {word for kind in spoken.kinds.values() for word in kind}
    plain = spoken.numbers.numerals(spoken.tokens(without_values(scene, text)))
    return " ".join(word for word in plain if word not in names and not word[0].isdecimal())


def _early_types(scene: Scene, kind: str) -> list[SlotType]:
    """The types of what the flow asks for, the plainest first."""
    kinds = PLAINEST[: PLAINEST.index(kind)] if kind else PLAINEST
    types = [scene.flow.slots[name].type for name in scene.flow.collected]
    return sorted((one for one in types if one.kind in kinds), key=lambda one: kinds.index(one.kind))


def sure_beside_values(scene: Scene, reading: Reading) -> Reading:
    """A value is no less sure for standing beside others: the day in "Monday at eleven"."""
    count = _content(scene, reading.rest)
    if reading.score == 1 or not count:
        return reading
    length = reading.score * count / (1 - reading.score)
    left = _content(scene, without_values(scene, reading.rest))
    return replace(reading, score=length / (length + left))


def _content(scene: Scene, text: str) -> int:
    small_talk = scene.hearing.language.small_talk
    return sum(word not in small_talk for word in words_of(text))


def beside(text: str, span: tuple[int, int] | None) -> str:
    """The text without its words from span[0] to span[1]; nothing is left where the whole was meant."""
    if span is None:
        return ""
    places = [hit.span() for hit in _WORD.finditer(text)]
    if len(places) != len(words_of(text)):
        words = words_of(text)
        return " ".join((*words[: span[0]], *words[span[1] :]))
    return f"{text[: places[span[0]][0]]} {text[places[span[1] - 1][1] :]}"


def less(text: str, gone: str) -> str:
    """The text without the words that another has."""
    spent = Counter(words_of(gone))
    kept, at = "", 0
    for hit in _WORD.finditer(text):
        word = " ".join(words_of(hit[0]))
        if spent[word]:
            spent[word] -= 1
            kept, at = f"{kept}{text[at : hit.start()]}", hit.end()
    return kept + text[at:]

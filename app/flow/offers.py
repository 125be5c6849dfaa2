"""Choosing from what was offered: "nine thirty", "the second one", "the last", or a plain "yes" to a single offer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from app.flow.languages import Language
from app.flow.slots import Reading
from app.flow.values import Json
from app.flow.yes_no import understand_yes_no


def pick(reading: Reading | None, offered: Sequence[Json], text: str, spoken: Language) -> Reading | None:
    """The offered value that is meant; a reading that is not on offer stays, to be refused in so many words.

    "One" in "the first one" is no time.
    """
    if reading is not None:
        values = (reading.value, *reading.others)
        found = next((replace(reading, value=value) for value in values if value in offered), None)
        if found is not None or not reading.weak:
            return found or reading
    index = _index(text, len(offered), spoken)
    return reading if index is None else Reading(offered[index])


def _index(text: str, count: int, spoken: Language) -> int | None:
    answer = understand_yes_no(text, spoken)
    if count == 1 and answer is not None:
        return 0 if answer.name == "yes" else None
    plain = " ".join(spoken.tokens(text))
    named = [index for index, word in enumerate(spoken.nth) if re.search(rf"\b(?:{word})\b", plain)]
    if len(named) == 1:
        return named[0] if named[0] < count else None
    return count - 1 if count and re.search(rf"\b(?:{spoken.last_one})\b", plain) else None

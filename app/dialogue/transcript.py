"""What was said against what was heard.

Words are taken to last in proportion to their letters, from one pause of the voice at a comma or full stop to the next
and pauses not counted: right to about a word. A word counts as heard when half of it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

# with the quotes and brackets that close there; a line ends a sentence, too
PAUSES_AFTER = re.compile(r"""[.,;:!?…]+["'”’»)\]]*(?=\s)|\S(?=[^\S\n]*\n)""")
# how far from where its letters put it the pause of a comma may be: a part of the way to it, and what any may be
STRAYS_SHARE, STRAYS_MS = 0.25, 200.0
DIGIT_LETTERS = 4


def share_heard(text: str, heard_ms: float, voiced_ms: float, pauses: Sequence[float]) -> float:
    """How much of `text` (0..1, at least a letter) was heard of its `voiced_ms` of speech.

    Times are without the pauses, which stand at `pauses`.
    """
    for (letters, begin_ms), (until, end_ms) in pairwise(_anchors(text, voiced_ms, pauses)):
        if heard_ms < end_ms:
            share = (heard_ms - begin_ms) / (end_ms - begin_ms)
            return (letters + (until - letters) * share) / letters_of(text)
    return 1.0


def _anchors(text: str, voiced_ms: float, pauses: Sequence[float]) -> Iterator[tuple[int, float]]:
    """Letters and times that belong together: the beginning, each pause at the comma or full stop that is nearest to
    it by its letters, the end. Not every mark has a pause, and not every pause a mark."""
    letters, at_ms, ms_a_letter = 0, 0.0, voiced_ms / letters_of(text)
    marks = [letters_of(text[: mark.end()]) for mark in PAUSES_AFTER.finditer(text)]
    yield letters, at_ms
    for pause_ms in pauses:
        due = letters + (pause_ms - at_ms) / ms_a_letter
        nearest = min((one for one in marks if one > letters), key=lambda one: abs(one - due), default=None)
        if nearest is None:
            break
        lasts_ms = (nearest - letters) * ms_a_letter
        if abs(at_ms + lasts_ms - pause_ms) <= STRAYS_SHARE * lasts_ms + STRAYS_MS:
            letters, at_ms = nearest, pause_ms
            yield letters, at_ms
    yield letters_of(text), voiced_ms


def letters_of(text: str) -> int:
    """How many there are to say: a digit is a word."""
    return len(text) + sum(map(str.isdigit, text)) * (DIGIT_LETTERS - 1)


def split_at(text: str, share: float) -> tuple[str, str]:
    """The words that were heard, and those that were not, when `share` (0..1) of the speaking was heard."""
    words, letters = text.split(), letters_of(text) * share
    count = length = 0
    while count < len(words) and length + letters_of(words[count]) / 2 <= letters:
        length += letters_of(words[count]) + 1
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])

"""What was said against what was heard.

Words are taken to last in proportion to their letters, from one pause of the voice at a comma or full stop to the next
and pauses not counted: right to about a word. A word counts as heard when half of it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

PAUSES_AFTER = re.compile(r"[.,;:!?…]+(?=\s)")
# how far from where its letters put it a pause is still that of a comma: a part of the way to it, and what any may be
STRAYS_SHARE, STRAYS_MS = 0.25, 200.0


def share_heard(text: str, heard_ms: float, voiced_ms: float, pauses: Sequence[float]) -> float:
    """How much of `text` (0..1, at least a letter) was heard of its `voiced_ms` of speech.

    Times are without the pauses, which stand at `pauses`.
    """
    for (letters, begin_ms), (until, end_ms) in pairwise(_anchors(text, voiced_ms, pauses)):
        if heard_ms < end_ms:
            share = (heard_ms - begin_ms) / (end_ms - begin_ms)
            return (letters + (until - letters) * share) / len(text)
    return 1.0


def _anchors(text: str, voiced_ms: float, pauses: Sequence[float]) -> Iterator[tuple[int, float]]:
    """Letters and times that belong together: the beginning, what is marked by a comma and a pause, the end."""
    letters, at_ms, ms_a_letter = 0, 0.0, voiced_ms / len(text)
    yield letters, at_ms
    for mark in PAUSES_AFTER.finditer(text):
        lasts_ms = (mark.end() - letters) * ms_a_letter
        strays_ms = STRAYS_SHARE * lasts_ms + STRAYS_MS
        due_ms = at_ms + lasts_ms
        nearest = min((one for one in pauses if one > at_ms), key=lambda one: abs(one - due_ms), default=None)
        if nearest is not None and abs(nearest - due_ms) <= strays_ms:
            letters, at_ms = mark.end(), nearest
            yield letters, at_ms
    yield len(text), voiced_ms


def split_at(text: str, share: float) -> tuple[str, str]:
    """The words that were heard, and those that were not, when `share` (0..1) of the speaking was heard."""
    words, letters = text.split(), len(text) * share
    count = length = 0
    while count < len(words) and length + len(words[count]) / 2 <= letters:
        length += len(words[count]) + 1
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])

"""When an utterance holds a value, or several: which one is meant, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.flow.languages import Language
from app.flow.languages.calendar import Found

# the least share of an utterance's content that a value must make up: little for what is plainly a date,
# more for what may be any number
SURE_SHARE = 0.12
WEAK_SHARE = 0.51


@dataclass(frozen=True, slots=True)
class Settled:
    """The value meant; `score` 1: nothing else of content was said."""

    found: Found
    score: float


def settle(found: Sequence[Found], text: str, language: Language) -> Settled | None:
    """The one value that the utterance means, None where it means none or leaves it open.

    "not Tuesday, Thursday" is Thursday; "Tuesday, no, Thursday" too; "Tuesday or Thursday" is neither.
    """
    strong = [one for one in found if not one.weak] or list(found)
    meant = [one for one in strong if not _negated(one, text, language)] or strong
    values = {one.value for one in meant}
    if len(values) > 1:
        between = text[meant[0].end : meant[-1].start].split()
        if not any(word in language.corrections for word in between):
            return None
    if not meant:
        return None
    chosen = meant[-1]
    score = _share(chosen, found, text, language)
    return Settled(chosen, score) if score >= (WEAK_SHARE if chosen.weak else SURE_SHARE) else None


def _negated(one: Found, text: str, language: Language) -> bool:
    before = text[: one.start].split()[-1:]
    return bool(before) and before[0] in language.negations - language.corrections


def _share(chosen: Found, found: Sequence[Found], text: str, language: Language) -> float:
    """How much of what was said the value is; other values of the kind do not count against it."""
    rest, at = "", 0
    for one in found:
        rest, at = f"{rest} {text[at : one.start]}", one.end
    content = [word for word in f"{rest} {text[at:]}".split() if word not in language.small_talk]
    length = len(text[chosen.start : chosen.end].split())
    return length / (length + len(content))

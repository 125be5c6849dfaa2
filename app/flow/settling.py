"""When an utterance holds a value, or several: which one is meant, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.flow.languages import Language
from app.flow.languages.calendar import Found

# the least share of an utterance's content that a value must make up: little for what is plainly a date,
# more for what may be any number
SURE_SHARE = 0.12
WEAK_SHARE = 0.51


@dataclass(frozen=True, slots=True)
class Settled:
    """The value meant; `score` 1: nothing else of content was said. `rest` is what was said beside it."""

    found: Found
    score: float
    rest: str = field(repr=False)


def settle(found: Sequence[Found], text: str, language: Language) -> Settled | None:
    """The one value that the utterance means, None where it means none or leaves it open.

    "not Tuesday, Thursday" is Thursday; "Tuesday, no, Thursday" too; "Tuesday or Thursday" is neither, and so are
    "any day but Tuesday" and "Tuesday is no good".
    """
    if not found:
        return None
    refused = {
        one for one in found if excluded(text, one.start, one.end, [each.start for each in found], language)
    }
    strong = [one for one in found if not one.weak or _belongs(one, found, refused, text, language)]
    strong = strong or list(found)
    meant = [one for one in strong if one not in refused]
    if not meant or _taken_back(text[found[-1].end :], language):
        return None
    if len({one.value for one in meant}) > 1:
        between = text[meant[0].end : meant[-1].start].split()
        if not any(word in language.corrections for word in between):
            return None
    chosen = meant[-1]
    score = _share(chosen, found, text, language)
    if score < (WEAK_SHARE if chosen.weak else SURE_SHARE):
        return None
    return Settled(chosen, score, _rest(chosen, {*strong, *refused}, text, language))


def excluded(text: str, start: int, end: int, starts: Sequence[int], language: Language) -> bool:
    """Whether the words round a value say that it is not meant; `starts` are the places of all values."""
    if _before(text[:start], language):
        return True
    after = re.match(rf"\s*(?:{language.exclusions_after})\b\s*", text[end:])
    # "Friday, not Tuesday" says nothing against Friday
    return after is not None and end + after.end() not in starts


def _before(before: str, language: Language) -> re.Match[str] | None:
    return re.search(rf"\b(?:{language.exclusions})\s*$", before)


def _rest(chosen: Found, others: set[Found], text: str, language: Language) -> str:
    """What was said beside the value, without other values and what was said against them."""
    rest, at = "", 0
    for one in sorted({chosen, *others}, key=lambda one: one.start):
        before = _before(text[at : one.start], language) if one is not chosen else None
        rest, at = f"{rest} {text[at : at + before.start() if before else one.start]}", one.end
    return f"{rest} {text[at:]}"


def _belongs(one: Found, found: Sequence[Found], refused: set[Found], text: str, language: Language) -> bool:
    """Whether a bare number stands beside a value that is none: "nine or ten o'clock", "not two o'clock, three"."""
    at = found.index(one)
    before = text[found[at - 1].end : one.start].split() if at else []
    after = text[one.end : found[at + 1].start].split() if at + 1 < len(found) else []
    replacing = at > 0 and found[at - 1] in refused
    correcting = all(word in language.small_talk for word in before) and (
        replacing or any(word in language.corrections for word in before)
    )
    return correcting or any(
        len(words) == 1 and words[0] in language.alternatives for words in (before, after)
    )


def _taken_back(after: str, language: Language) -> bool:
    """ "Not this Friday" said the other way round: "this Friday, no, the one after"."""
    words = after.split()
    return (
        words[:1] != []
        and (words[0],) in language.no
        and any(word not in language.small_talk for word in words)
    )


def _share(chosen: Found, found: Sequence[Found], text: str, language: Language) -> float:
    """How much of what was said the value is; other values of the kind do not count against it."""
    rest, at = "", 0
    for one in found:
        rest, at = f"{rest} {text[at : one.start]}", one.end
    content = [word for word in f"{rest} {text[at:]}".split() if word not in language.small_talk]
    length = len(text[chosen.start : chosen.end].split())
    return length / (length + len(content))

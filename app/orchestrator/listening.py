"""When a standby recogniser listens along, and whose words count: decisions only. Pure.

A recogniser that says nothing 300 ms into speech is joined by the standby, which gets the utterance from its beginning;
so nothing of it is lost, and nothing heard twice. Whether the first one has failed is known once the standby has
words: short words end before a healthy cloud service has said anything, and noise has no words for anybody. The standby
is asked, too, when the words of the first one came to no end: where it heard the same and more, they were cut short.
"""

from __future__ import annotations

from typing import Literal

from app.flow.languages import LANGUAGES
from app.flow.languages.numbers import tokens

SILENT_MS = 300.0
STALE_MS = 1200.0
SURELY_SILENT_MS = 1000.0
LENT_IN_A_ROW = 3
WORDS_BEHIND = 3

Verdict = Literal["lead", "lend", "replace"]


def must_join(speech_ms: float, since_words_ms: float, has_words: bool) -> bool:
    """Whether the standby should listen along to one that gives partials, so long after speech began and after the
    last new words."""
    return since_words_ms >= STALE_MS if has_words else speech_ms >= SILENT_MS


def verdict(
    lead: str,
    standby: str,
    speech_ms: float,
    lent_before: int,
    language: str,
    *,
    partials: bool,
    broken_off: bool = False,
) -> Verdict:
    """Whose words count: the lead's, the standby's for this once, or the standby's from now on.

    `partials`: whether the lead gives words while the caller speaks. `broken_off`: whether its words came to no end.
    """
    ours, theirs = len(lead.split()), len(standby.split())
    far_behind = theirs >= ours + WORDS_BEHIND
    cut_short = broken_off and (far_behind or _begins(standby, lead, language))
    if not theirs or (ours and not cut_short and not (partials and far_behind)):
        return "lead"
    silent = partials and (far_behind if ours else speech_ms >= SURELY_SILENT_MS)
    if silent or lent_before + 1 >= LENT_IN_A_ROW:
        return "replace"
    return "lend"


def _begins(longer: str, shorter: str, language: str) -> bool:
    """Whether one text begins with another and goes on, however each writes it."""
    ways = zip(_written(longer, language), _written(shorter, language), strict=True)
    return any(len(beginning) < len(whole) and whole.startswith(beginning) for whole, beginning in ways)


def _written(text: str, language: str) -> tuple[str, str]:
    """The letters and figures alone, run together; and the same with figures for numbers in words."""
    words, known = tokens(text), LANGUAGES.get(language.partition("-")[0])
    return "".join(words), "".join(known.numbers.numerals(words) if known else words)

"""Yes and no, by voice and key, in every language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from app.flow.languages import Language
from app.flow.model import Meaning
from app.flow.phrases import PhraseMatch, PhraseSet, match, words_of

YES_NO_KEYS: Final[Mapping[str, Meaning]] = {
    "1": Meaning("choice", "keypad", 1.0, "yes"),
    "2": Meaning("choice", "keypad", 1.0, "no"),
}


# "no" must be most of what was said, not one word in a story
SURE_SHARE: Final = 0.6


@cache
def yes_no_phrases(spoken: Language) -> Mapping[str, PhraseSet]:
    """What settles the question, `unsure` being the answer that is neither."""
    sets = {"yes": spoken.yes, "no": spoken.no, "unsure": spoken.unsure}
    return {name: PhraseSet.of(" ".join(words) for words in sorted(known)) for name, known in sets.items()}


def understand_yes_no(text: str, spoken: Language) -> PhraseMatch | None:
    """`yes` or `no`, None where it is neither."""
    found = match(words_of(text), yes_no_phrases(spoken), spoken)
    return found if found and found.name != "unsure" and found.score > SURE_SHARE else None

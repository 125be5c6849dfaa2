"""Yes and no, by voice and key, in every language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from app.flow.languages import Language
from app.flow.model import Meaning
from app.flow.phrases import PhraseSet

YES_NO_KEYS: Final[Mapping[str, Meaning]] = {
    "1": Meaning("choice", "keypad", 1.0, "yes"),
    "2": Meaning("choice", "keypad", 1.0, "no"),
}


@cache
def yes_no_phrases(spoken: Language) -> Mapping[str, PhraseSet]:
    return {
        "yes": PhraseSet.of(" ".join(words) for words in sorted(spoken.yes)),
        "no": PhraseSet.of(" ".join(words) for words in sorted(spoken.no)),
    }

"""What people say without saying anything: "please", "thank you", "um".

Not "er" nor "mm": recognisers write the ER and 5 mm so, and an answer must not be one to other words.
"""

from __future__ import annotations

import re

_PHRASES = {
    "en": "please|thank you very much|thank you|thanks a lot|thanks|uh|uhm|um|umm|erm|hm|hmm",
    "es": "por favor|muchas gracias|gracias|eh|ehm|em|hm",
    "fr": "s'il vous plaît|s'il te plaît|merci beaucoup|merci|euh|hm",
    "de": "bitte|danke schön|vielen dank|danke|äh|ähm|hm",
}
_COURTESY = {code: re.compile(rf"\b(?:{phrases})\b") for code, phrases in _PHRASES.items()}
_WORD = re.compile(r"[\w']+")


def meant(text: str, language: str) -> tuple[str, ...]:
    """The words of a text, lower case, without courtesies and hesitations; all of them where there are no others."""
    plain = text.lower().replace("’", "'")
    courtesy = _COURTESY.get(language)
    words = _words(courtesy.sub(" ", plain)) if courtesy else ()
    return words or _words(plain)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text))

"""How keys are spoken of: "press 1", "pulse 1", "appuyez sur 1", "drücken Sie die 1"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_SIGNS: Final = {"star": "*", "asterisk": "*", "pound": "#", "hash": "#", "*": "*", "#": "#"}


@dataclass(frozen=True, slots=True)
class KeyTalk:
    """One language's way; `before_goal` is a key that is named before what it is for."""

    pressed: re.Pattern[str]
    before_goal: re.Pattern[str]
    keys: Mapping[str, str]

    def named(self, text: str) -> Iterator[str]:
        """The keys that a text tells the caller to press."""
        for found in self.pressed.finditer(text):
            word = found["key"].lower()
            yield self.keys.get(word, word)


def _talk(press: str, goals: str, figures: str, signs: Mapping[str, str]) -> KeyTalk:
    keys = {**{word: str(index) for index, word in enumerate(figures.split())}, **_SIGNS, **signs}
    key = "|".join(rf"{re.escape(word)}" for word in sorted(keys, key=len, reverse=True))
    pressed = rf"\b(?:{press})\s+(?P<key>\d{{1,3}}|{key})(?!\w)"
    return KeyTalk(
        re.compile(pressed, re.IGNORECASE),
        re.compile(rf"{pressed},?\s+(?:{goals})\b", re.IGNORECASE),
        keys,
    )


KEY_TALK: Final[Mapping[str, KeyTalk]] = {
    "en": _talk(
        "(?:press|push|hit|dial)(?: the)?(?: key)?",
        "to|for|if",
        "zero one two three four five six seven eight nine",
        {},
    ),
    "es": _talk(
        "(?:pulse|pulsa|presione|presiona|oprima)(?: el| la)?(?: tecla)?",
        "para|si",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
        {"asterisco": "*", "almohadilla": "#", "numeral": "#"},
    ),
    "fr": _talk(
        "(?:appuyez sur|tapez|faites)(?: le| la)?(?: touche)?",
        "pour|si",
        "zéro un deux trois quatre cinq six sept huit neuf",
        {"étoile": "*", "dièse": "#"},
    ),
    "de": _talk(
        "(?:drücken sie|drücke|drücken|wählen sie)(?: die)?(?: taste)?",
        "um|für|wenn|falls|zum|zur",
        "null eins zwei drei vier fünf sechs sieben acht neun",
        {"stern": "*", "raute": "#"},
    ),
    "it": _talk(
        "(?:prema|premi|digiti)(?: il)?(?: tasto)?",
        "per|se",
        "zero uno due tre quattro cinque sei sette otto nove",
        {"asterisco": "*", "cancelletto": "#"},
    ),
}

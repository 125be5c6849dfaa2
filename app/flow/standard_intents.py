"""What callers say for `repeat` and `help`, so that a flow need not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from app.flow.languages import language
from app.flow.phrases import NO_PHRASES, PhraseSet, expand

STANDARD: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "repeat": {
        "en": (
            "(repeat|say) (that|it) [again]",
            "[can you] repeat",
            "say again",
            "pardon [me]",
            "what did you (say|ask) [me]",
            "what was that [again]",
            "I (missed|didn't catch|didn't get|didn't hear) (that|it|you)",
        ),
        "es": (
            "(repita|repite|repetir)",
            "(puede|puedes) repetir[lo]",
            "otra vez",
            "(como|que) ha dicho",
            "no le he (oído|entendido)",
        ),
        "fr": ("(repetez|répéter)", "(pouvez vous|vous pouvez) répéter", "encore une fois", "pardon"),
        "de": (
            "(wiederholen|wiederhole) [sie] [das]",
            "können sie das wiederholen",
            "noch (einmal|mal)",
            "wie bitte",
        ),
        "it": ("(ripeta|ripetere)", "può ripetere", "ancora una volta", "come ha detto"),
    },
    "help": {
        "en": ("help [me]", "what can (i|you) (say|do)", "what are my options", "[what are] the options"),
        "es": ("ayuda", "(qué|que) puedo (decir|hacer)", "cuáles son (las|mis) opciones"),
        "fr": ("aide", "aidez moi", "que puis je (dire|faire)", "quelles sont les options"),
        "de": ("hilfe", "was kann ich (sagen|tun|machen)", "welche möglichkeiten gibt es"),
        "it": ("aiuto", "(cosa|che cosa) posso (dire|fare)", "quali sono le opzioni"),
    },
}


@cache
def standard_phrases(name: str, code: str) -> PhraseSet:
    """The phrases of a standard intent in a language; none for any other intent."""
    templates = STANDARD.get(name, {}).get(code, ())
    if not templates:
        return NO_PHRASES
    return PhraseSet.of((text for one in templates for text in expand(one)), language(code))

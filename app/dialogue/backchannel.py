"""What a listener says to show that they listen, and what is therefore no interruption."""

from __future__ import annotations

import re

_WORDS = {
    "en": "mm mhm mmhm mmhmm hm hmm uh huh um ah aha oh ok okay yeah yep right sure i see",
    "es": "mm mhm ajá eh ah oh ok vale ya claro",
    "fr": "mm mhm euh ah oh ok oui d'accord",
    "de": "mm mhm hm äh ah oh ok ja genau",
}
BACKCHANNELS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
ANYWHERE = frozenset(["mm", "mhm", "mmhm", "mmhmm", "hm", "hmm", "uh", "huh", "um", "ah", "oh", "ok", "okay"])


def words_beyond(text: str, language: str, said: str = "") -> int:
    """How many different words there are that are more than a sign of listening.

    Those that the agent is just saying (`said`) may be its own echo.
    """
    listening = BACKCHANNELS.get(language, frozenset()) | ANYWHERE
    return len(_words(text) - listening - _words(said))


def unrepeated(text: str) -> str:
    """A word said again and again, once: what a recogniser makes of half a word ("Stop, stop, stop,")."""
    words = text.split()
    keys = [_words(word) for word in words]
    return " ".join(
        word for number, word in enumerate(words) if not number or keys[number] != keys[number - 1]
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d", text.lower().replace("-", " ")))

"""How far into a text its speech has come, for voices that do not tell. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

USUAL_LETTER_MS = 65.0
LEARNED_SHARE = 0.3
PAUSE_LETTERS = 5  # a clause's end sounds about that long
PAUSES = ",;:.!?…"

_WORD = re.compile(r"\S+")


def letters(text: str) -> int:
    """How long a text sounds, in letters: words with what parts them, and the pauses between its clauses."""
    words = text.split()
    return sum(map(_with_pause, words)) - PAUSE_LETTERS * bool(words and words[-1][-1] in PAUSES)


def _with_pause(word: str) -> int:
    return len(word) + 1 + PAUSE_LETTERS * (word[-1] in PAUSES)


@dataclass(slots=True)
class SpeakingRate:
    """Milliseconds that a letter takes, learned from whole texts."""

    letter_ms: float = USUAL_LETTER_MS
    known: bool = False

    def learn(self, text: str, spoken_ms: float) -> None:
        """A text has been spoken to its end."""
        if count := letters(text):
            share = LEARNED_SHARE if self.known else 1.0
            self.letter_ms += share * (spoken_ms / count - self.letter_ms)
            self.known = True

    def said(self, text: str, spoken_ms: float) -> str:
        """The beginning of a text that was heard by then: words of which at least half was."""
        end, before = 0, 0.0
        for word in _WORD.finditer(text):
            if (before + letters(word[0]) / 2) * self.letter_ms > spoken_ms:
                break
            before, end = before + _with_pause(word[0]), word.end()
        return text[:end]

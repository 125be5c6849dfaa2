"""Cutting a model's words, as they come, into pieces that can be spoken.

The first piece ends at the first sentence or clause, or after five words, so that speech begins early; the others end
with their sentence, a long one also with a clause or after twenty words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from app.flow.sentences import SENTENCE_END

FIRST_LEAST: Final = 8
FIRST_WORDS: Final = 5
LONG: Final = 90
LONG_WORDS: Final = 20
_CLAUSE = re.compile(r"[,;:–—](?=\s)")


@dataclass(slots=True)
class Chunks:
    """One reply's words. What `feed` gives can be spoken at once; `rest` is what is left at the end."""

    _text: str = field(default="", repr=False)
    _first: bool = field(default=True)

    def feed(self, words: str) -> Iterator[str]:
        """Add words; every piece that is complete now."""
        self._text += words
        while (end := self._end()) is not None:
            piece, self._text = self._text[:end].strip(), self._text[end:]
            self._first = False
            yield piece

    def rest(self) -> str:
        """What has not been given out."""
        text, self._text = self._text.strip(), ""
        return text

    def _end(self) -> int | None:
        least = FIRST_LEAST if self._first else 0
        sentence = next((one.end() for one in SENTENCE_END.finditer(self._text) if one.end() >= least), None)
        if sentence is not None and (self._first or sentence <= LONG):
            return self._earlier_clause(sentence) if self._first else sentence
        if self._first:
            return self._earlier_clause(None) or self._after_words(FIRST_WORDS, least)
        if len(self._text) > LONG:
            clauses = [one.end() for one in _CLAUSE.finditer(self._text, 0, sentence or len(self._text))]
            return clauses[-1] if clauses else sentence or self._after_words(LONG_WORDS, 0)
        return sentence

    def _earlier_clause(self, sentence: int | None) -> int | None:
        ends = (one.end() for one in _CLAUSE.finditer(self._text, 0, sentence or len(self._text)))
        return next((end for end in ends if end >= FIRST_LEAST), sentence)

    def _after_words(self, count: int, least: int) -> int | None:
        """The end of so many words, if another one has begun."""
        words = list(re.finditer(r"\S+", self._text))
        ended = [word.end() for word in words[:-1]]
        return next((end for end in ended[count - 1 :] if end >= least), None)

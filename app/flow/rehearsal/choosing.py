"""In place of a model that says which intent is meant: the one whose description shares most words with the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.flow.phrases import words_of

# "park" and "parking" are the same, "a" and "an" are nothing
STEM_LETTERS: Final = 4


def nearest(text: str, meanings: Mapping[str, str]) -> str | None:
    """The name of the likeliest meaning; None where none shares a word, or two share as many."""
    said = _stems(text)
    shared = {name: len(said & _stems(meaning)) for name, meaning in meanings.items()}
    best = max(shared.values(), default=0)
    found = [name for name, count in shared.items() if count == best]
    return found[0] if best and len(found) == 1 else None


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:STEM_LETTERS] for word in words_of(text) if len(word) >= STEM_LETTERS)

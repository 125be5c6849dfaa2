"""`list`: several values, spoken as "nine thirty and two o'clock". A service gives them, or the caller names them:

    wishes: {type: list, options: {high_chair: [a high chair, "[a] baby chair"], nuts: [a nut allergy, "no nuts"]}}

"A high chair, and no nuts please" is both, "no, nothing" is none. Overlays give the words in their language, as for
`choice`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Self

from app.flow.early import less
from app.flow.languages import LANGUAGES, Language
from app.flow.phrases import SURE_COVERAGE, PhraseSet, Words, match, words_of
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.slots.choice import Options
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

MOST_KEYS = 9


@slot_type("list")
@dataclass(frozen=True, slots=True)
class List(SlotType):
    """Kept as the options' names, in their own order. Without options it is not asked for."""

    expression_type: ClassVar[str] = "list"
    early: ClassVar[bool] = True
    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)
    options: Options | None = None

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        return cls(Options.read(section, draft) if section.tree("options") else None)

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        """All options that are named and not refused; none at all is an answer, too."""
        if self.options is None:
            return None
        named = dict(self._named(text, hearing))
        if named:
            rest = text
            for wording in named.values():
                rest = less(rest, " ".join(wording))
            return Reading([name for name in self.options.names if name in named], rest=rest)
        refused = match(words_of(text), {"no": _refusals(hearing.language)}, hearing.language)
        return Reading([], weak=True) if refused and refused.score >= SURE_COVERAGE else None

    def _named(self, text: str, hearing: Hearing) -> Iterator[tuple[str, Words]]:
        """Options, each with the words that name it."""
        assert self.options is not None
        known = self.options.in_language(hearing.language.code)
        conjunction = re.escape(hearing.language.speech.conjunction)
        for clause in re.split(rf"[,.;:!?]|\b{conjunction}\b", text):
            words = words_of(clause)
            for name, phrases in known.items():
                at, wording = _find(words, phrases)
                if wording and not set(words[:at]) & hearing.language.negations:
                    yield name, wording

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        """A key for each option; zero for none of them."""
        names = self.options.names if self.options else []
        if keys == "0":
            return Reading([])
        chosen = {int(key) for key in keys if key.isdecimal()}
        if not chosen or not keys.isdecimal() or not chosen <= set(range(1, len(names) + 1)):
            return None
        return Reading([name for at, name in enumerate(names, 1) if at in chosen])

    def key_rule(self) -> KeyRule | None:
        return KeyRule(min(len(self.options.names), MOST_KEYS)) if self.options else None

    def hints(self, language: str) -> tuple[str, ...]:
        return self.options.hints(language) if self.options else ()

    def native(self, value: Json) -> object:
        entries = value if isinstance(value, list) else [value]
        return tuple(self.options.named(str(one)) for one in entries) if self.options else tuple(entries)


@cache
def _refusals(spoken: Language) -> PhraseSet:
    return PhraseSet.of((" ".join(words) for words in spoken.no), spoken)


def _find(words: Words, phrases: PhraseSet) -> tuple[int, Words]:
    """Where the longest wording stands in the words, and which it is; an empty one where none does."""
    for length in range(len(words), 0, -1):
        starts = range(len(words) - length + 1)
        found = [(wording, at) for at in starts if (wording := words[at : at + length]) in phrases.wordings]
        if found:
            wording, at = min(found)
            return at, wording
    return 0, ()

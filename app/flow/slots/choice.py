"""`choice`: one of a few named options, by voice or by its place in the list as a key.

    size: {type: choice, options: {small: [small, "[the] little (one|ones)"], large: [large, big]}}

An overlay gives the words in its language under `slots.size.small`, the first being how it is spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

from app.flow.document import Fields, Items, Scalar, Tree
from app.flow.early import beside
from app.flow.languages import language
from app.flow.phrases import NO_PHRASES, PhraseSet, begins, complete, expand, match_corrected, words_of
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.speaking import Option
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen. `phrases` by language, then by option."""

    phrases: Mapping[str, Mapping[str, PhraseSet]] = field(default_factory=dict)
    default: str = "en"

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        words = _options(section)
        default = draft.languages[0]
        phrases = {default: {name: _phrases(tree, name, section, default) for name, tree in words.items()}}
        name = section.what.split('"')[1]
        for overlay in draft.overlays:
            translated = dict(phrases[default])
            for option in words:
                tree = overlay.prompts.values.get(f"slots.{name}.{option}")
                if tree is not None:
                    overlay.used.add(f"slots.{name}.{option}")
                    translated[option] = _phrases(tree, option, section, overlay.language)
            phrases[overlay.language] = translated
        return cls(phrases, default)

    @property
    def names(self) -> list[str]:
        return list(self.phrases.get(self.default, ()))

    def in_language(self, code: str) -> Mapping[str, PhraseSet]:
        return self.phrases.get(code) or self.phrases[self.default]

    def hints(self, code: str) -> tuple[str, ...]:
        return tuple(text for one in self.in_language(code).values() for text in one.texts)

    def named(self, name: str) -> Option:
        """The option as it is spoken: by the first of its phrases."""
        known = ((code, one.get(name)) for code, one in self.phrases.items())
        return Option(name, {code: one.texts[0] for code, one in known if one and one.texts})


@slot_type("choice")
@dataclass(frozen=True, slots=True)
class Choice(SlotType):
    """Kept as the option's name."""

    early: ClassVar[bool] = True
    options: Options = field(default_factory=Options)

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        return cls(Options.read(section, draft))

    def _of(self, hearing: Hearing) -> Mapping[str, PhraseSet]:
        return self.options.in_language(hearing.language.code)

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        found = match_corrected(words_of(text), self._of(hearing), hearing.language)
        return Reading(found.name, found.score, rest=beside(text, found.span)) if found else None

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        names = self.options.names
        return Reading(names[int(keys) - 1]) if keys.isdigit() and 1 <= int(keys) <= len(names) else None

    def key_rule(self) -> KeyRule | None:
        digits = len(str(len(self.options.names)))
        return KeyRule(digits, 1 if digits == 1 else None)

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        return complete(words_of(text), self._of(hearing).values(), hearing.language)

    def begins(self, text: str, hearing: Hearing) -> bool:
        return begins(words_of(text), self._of(hearing).values(), hearing.language)

    def hints(self, language: str) -> tuple[str, ...]:
        return self.options.hints(language)

    def native(self, value: Json) -> object:
        return self.options.named(str(value))


def _options(section: Section) -> dict[str, Tree]:
    """Option names with the tree of their phrases; a plain list's options are their own phrases."""
    tree = section.tree("options")
    if isinstance(tree, Fields) and tree.values:
        return {name: inner for name, inner in tree.values.items() if section.is_name(name, tree.keys[name])}
    if isinstance(tree, Items) and tree.values:
        texts = [(section.as_text(inner, "options"), inner) for inner in tree.values]
        return {text: inner for text, inner in texts if text}
    section.missing("options", "[small, large]")
    return {}


def _phrases(tree: Tree, name: str, section: Section, code: str) -> PhraseSet:
    trees = tree.values if isinstance(tree, Items) else (tree,)
    texts: list[str] = []
    for one in trees:
        if isinstance(one, Scalar) and one.text:
            try:
                texts += expand(one.text)
            except ValueError as error:
                section.fault(one.place, str(error))
        else:
            section.fault(one.place, f"the words for {name} must be texts")
    return PhraseSet.of(texts or [name], language(code)) if trees else NO_PHRASES

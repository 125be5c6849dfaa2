"""Findings about the flow's other languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.flow.document import Place, Scalar
from app.flow.lint.finding import Finding
from app.flow.lint.subject import Subject, fields, items, place_of, text
from app.flow.prompts import Prompt

_INDEX = re.compile(r"\.\d+$")


def check(subject: Subject) -> Iterator[Finding]:
    for language in subject.flow.languages[1:]:
        if language in subject.overlays:
            yield from _prompts(subject, language)
            yield from _intents(subject, language)
        else:
            yield Finding(
                _listed(subject, language),
                "missing-translation",
                f'the flow speaks "{language}", and has no wording in it',
                f"write {subject.flow.name}.{language}.yaml, or take the language out",
            )
    yield from _slot_types(subject)


def _listed(subject: Subject, language: str) -> Place:
    places = [
        tree.place
        for tree in items(subject.tree, "languages")
        if isinstance(tree, Scalar) and tree.text == language
    ]
    return places[0]


def _prompts(subject: Subject, language: str) -> Iterator[Finding]:
    default = subject.flow.languages[0]
    for prompt in subject.flow.prompts:
        original = prompt.lines.get(default, ())
        if not original or original[0].place is None:
            continue
        translated = prompt.lines.get(language)
        if translated is None and any(line.template.source for line in original):
            key = _INDEX.sub("", prompt.key)
            yield Finding(
                original[0].place,
                "missing-translation",
                f'"{key}" has no wording in "{language}"',
                f"add `{key}: …` to the prompts of {subject.flow.name}.{language}.yaml",
            )
        elif translated is not None:
            yield from _placeholders(prompt, default, language)


def _placeholders(prompt: Prompt, default: str, language: str) -> Iterator[Finding]:
    wanted = frozenset().union(*(line.template.names for line in prompt.lines[default]))
    found = frozenset().union(*(line.template.names for line in prompt.lines[language]))
    place = prompt.lines[language][0].place
    if wanted != found and place is not None:
        lacking, extra = ", ".join(sorted(wanted - found)), ", ".join(sorted(found - wanted))
        difference = " and ".join(
            filter(None, (lacking and f"lacks {lacking}", extra and f"has {extra} besides"))
        )
        yield Finding(
            place,
            "placeholder-mismatch",
            f'"{prompt.key}" {difference}',
            "use the placeholders of the original",
        )


def _intents(subject: Subject, language: str) -> Iterator[Finding]:
    """What is understood in one language only, save for what asks for a language in that language itself."""
    default = subject.flow.languages[0]
    for name, intent in subject.flow.intents.items():
        if default in intent.phrases and language not in intent.phrases and not _asks_for(subject, name):
            yield Finding(
                subject.section("intents").keys[name],
                "missing-translation",
                f'the intent "{name}" has no phrases in "{language}"',
                f"add it to the intents of {subject.flow.name}.{language}.yaml",
            )


def _asks_for(subject: Subject, name: str) -> bool:
    return text(fields(fields(subject.section("globals"), name), "set"), "language") is not None


def _slot_types(subject: Subject) -> Iterator[Finding]:
    collected = {text(node, "collect") for node in subject.nodes.values()}
    for name, slot in subject.flow.slots.items():
        lacking = [code for code in subject.flow.languages if code not in slot.type.languages]
        if name in collected and lacking:
            yield Finding(
                place_of(fields(subject.section("slots"), name), "type"),
                "slot-language",
                f'a {slot.type.kind} is not understood in "{", ".join(lacking)}"',
                "collect it as a text or by keypad in a flow of its own, or take the language out",
            )

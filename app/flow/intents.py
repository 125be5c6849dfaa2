"""Intents: what callers may want, and the phrases they say it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from app.flow.draft import Draft
from app.flow.languages import language
from app.flow.model import Intent
from app.flow.phrases import PhraseSet, expand
from app.flow.section import Section

SAMPLES_OF_A_PHRASE: Final = 3


def read_intents(flow: Section, translations: Mapping[str, Section], draft: Draft) -> dict[str, Intent]:
    """The flow's intents with the phrases of every translation."""
    section = flow.section("intents", "intents")
    found: dict[str, Intent] = {}
    for name, inner in section.sections("intent {}") if section else ():
        meaning = inner.text("meaning")
        phrases = _phrases(inner, draft.languages[0])
        if phrases is None and meaning is None:
            inner.missing("phrases", "[book an appointment]")
        inner.finish()
        found[name] = Intent(name, {draft.languages[0]: phrases} if phrases else {}, meaning)
    for code, translated in translations.items():
        _translate(found, code, translated)
    return found


def _translate(found: dict[str, Intent], code: str, section: Section) -> None:
    for name, inner in section.sections("intent {}"):
        phrases = _phrases(inner, code)
        inner.finish()
        if name not in found:
            section.fault(
                section.fields.keys[name], f'the flow has no intent "{name}"; correct the name or remove it'
            )
        elif phrases is not None:
            original = found[name]
            found[name] = Intent(name, {**original.phrases, code: phrases}, original.meaning)


def _phrases(section: Section, code: str) -> PhraseSet | None:
    texts: list[str] = []
    samples: list[str] = []
    for tree in section.items("phrases"):
        template = section.as_text(tree, "phrases")
        try:
            wordings = expand(template) if template else ()
        except ValueError as error:
            section.fault(tree.place, str(error))
        else:
            texts += wordings
            samples += _spread(wordings)
    examples = section.texts("examples")
    if not (texts or examples):
        return None
    return PhraseSet.of([*texts, *examples], language(code), [*samples, *examples])


def _spread(wordings: Sequence[str]) -> list[str]:
    """A few wordings of a template, short and long."""
    ordered = sorted(wordings, key=len)
    return ordered[:: max(1, len(ordered) // SAMPLES_OF_A_PHRASE)][:SAMPLES_OF_A_PHRASE]

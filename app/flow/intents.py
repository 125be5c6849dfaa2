"""Intents: what callers may want, and the phrases they say it with."""

from __future__ import annotations

from collections.abc import Mapping

from app.flow.draft import Draft
from app.flow.languages import language
from app.flow.model import Intent
from app.flow.phrases import PhraseSet, expand
from app.flow.section import Section


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
    for tree in section.items("phrases"):
        template = section.as_text(tree, "phrases")
        try:
            texts += expand(template) if template else ()
        except ValueError as error:
            section.fault(tree.place, str(error))
    texts += section.texts("examples")
    return PhraseSet.of(texts, language(code)) if texts else None

"""Who serves a language and how: `app/routes.yaml`, read. Pure.

A route names providers by preference; those that are not configured are left out, and a route that names none of
those that are leaves the settings' chain as it is. The last transcriber and synthesizer of a chain are on this
machine and stand by for all others: no route takes them away, nor puts anybody behind them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from app.errors import FlowError, InvalidFlow
from app.flow.document import Fields, Place, parse
from app.flow.section import Section, suggestion

Role = Literal["transcribers", "models", "synthesizers"]
SPEECH = ("azure", "openai", "embedded", "scripted")
PROVIDERS: Mapping[Role, Sequence[str]] = {
    "transcribers": SPEECH,
    "models": ("azure", "openai", "anthropic", "scripted"),
    "synthesizers": SPEECH,
}
PLACEHOLDERS = ("locale", "formality")
_LANGUAGE = re.compile("[a-z]{2}")
_LOCALE = re.compile("[a-z]{2}-[A-Z]{2}")
_CALLING_CODE = re.compile(r"\+[1-9]\d{0,6}")


@dataclass(frozen=True, slots=True)
class Route:
    """One language's. `order` is by role; `voices` are names by provider; `style` tells a model how to speak.

    `numbers` are the beginnings of telephone numbers (E.164) whose callers are taken to speak it; `unsupported` is
    said in it where a flow does not have it.
    """

    language: str
    locale: str = ""
    order: Mapping[Role, Sequence[str]] = field(default_factory=dict)
    voices: Mapping[str, str] = field(default_factory=dict)
    style: str = ""
    numbers: Sequence[str] = ()
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class Routes:
    """All languages'. What is not named there goes as the settings say."""

    by_language: Mapping[str, Route] = field(default_factory=dict)

    def of(self, language: str) -> Route:
        """The route of a language, with or without a region."""
        language = language.partition("-")[0]
        return self.by_language.get(language) or Route(language)

    def ordered(self, role: Role, language: str, chain: Sequence[str]) -> list[str]:
        """The names of `chain` that serve a language, by preference. For speech the last one stays where it is."""
        movable, standby = (chain, ()) if role == "models" else (chain[:-1], chain[-1:])
        chosen = [name for name in self.of(language).order.get(role, ()) if name in chain]
        if not chosen:
            return list(chain)
        return [*(name for name in chosen if name in movable), *standby]

    def voices(self, provider: str) -> dict[str, str]:
        """A provider's voices by language."""
        found = {code: route.voices.get(provider) for code, route in self.by_language.items()}
        return {code: voice for code, voice in found.items() if voice}

    @property
    def locales(self) -> dict[str, str]:
        """The locale of each language that has one."""
        return {code: route.locale for code, route in self.by_language.items() if route.locale}

    def language_of_number(self, number: str, among: Sequence[str]) -> str | None:
        """The language that a number's country speaks, if it is one of `among`."""
        codes = [(code, route) for route in self.by_language.values() for code in route.numbers]
        fitting = [(code, route) for code, route in codes if number.startswith(code)]
        _, found = max(fitting, key=lambda one: len(one[0]), default=("", None))
        return found.language if found and found.language in among else None

    @property
    def unsupported(self) -> dict[str, str]:
        """By language: what is said in it where a flow does not have it."""
        return {code: route.unsupported for code, route in self.by_language.items() if route.unsupported}

    @property
    def one_for_all(self) -> Routes:
        """The settings' chains and the models' usual manner for every language."""
        plain = {code: replace(route, order={}, style="") for code, route in self.by_language.items()}
        return Routes(plain)


def read_routes(text: str, path: str) -> Routes:
    """Raises InvalidFlow with everything that is wrong, each at its place."""
    faults: list[FlowError] = []
    found: dict[str, Route] = {}
    if isinstance(tree := parse(text, path, faults), Fields):
        found = dict(_routes(Section(tree, "routes", faults)))
    elif not faults:
        faults.append(Place(path, 1, 1).fault("no route is here; begin with a language, for example `en:`"))
    if faults:
        raise InvalidFlow(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    return Routes(found)


def _routes(section: Section) -> Iterator[tuple[str, Route]]:
    for language, inner in section.sections("route {}"):
        if not _LANGUAGE.fullmatch(language):
            place = section.place_of(language)
            section.fault(place, f'"{language}" is no language; use its two letters (ISO 639-1), like es')
        yield language, _route(language, inner)


def _route(language: str, section: Section) -> Route:
    locale = section.text("locale") or ""
    if locale and not _LOCALE.fullmatch(locale):
        section.fault(section.place_of("locale"), f'"{locale}" is no locale; write it like es-MX')
    order = {role: _names(section, role, known) for role, known in PROVIDERS.items() if role in section}
    voices, style = _voices(section), _style(section, locale or language)
    numbers = section.texts("numbers")
    for number in numbers:
        if not _CALLING_CODE.fullmatch(number):
            section.fault(section.place_of("numbers"), f'"{number}" begins no number; write it like "+34"')
    unsupported = section.text("unsupported") or ""
    section.finish()
    return Route(language, locale, order, voices, style, numbers, unsupported)


def _names(section: Section, role: Role, known: Sequence[str]) -> list[str]:
    names = []
    for tree in section.items(role):
        name = section.as_text(tree, role)
        if name is not None and name not in known:
            section.fault(tree.place, f'unknown provider "{name}"; {suggestion(name, known)}')
        elif name is not None:
            names.append(name)
    return list(dict.fromkeys(names))


def _voices(section: Section) -> dict[str, str]:
    inner = section.section("voices", f"voices of {section.what}")
    if inner is None:
        return {}
    known, found = PROVIDERS["synthesizers"], {}
    for name, place in inner.fields.keys.items():
        if name not in known:
            section.fault(place, f'unknown provider "{name}"; {suggestion(name, known)}')
        elif voice := inner.text(name):
            found[name] = voice
    return found


def _style(section: Section, locale: str) -> str:
    """The prompt with the locale and the formality put in."""
    formality, prompt = section.text("formality") or "", section.text("prompt")
    if prompt is None:
        return formality
    try:
        return prompt.format(locale=locale, formality=formality).strip()
    except (KeyError, IndexError, ValueError, AttributeError):
        names = " and ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        section.fault(
            section.place_of("prompt"), f"the prompt has a placeholder that means nothing; use {names}"
        )
        return ""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import InvalidFlow
from app.orchestrator.routes import Routes, read_routes

SHIPPED = Path(__file__).parents[2] / "app" / "routes.yaml"
TEXT = """\
es:
  locale: es-MX
  transcribers: [openai, azure]
  models: [anthropic]
  synthesizers: [embedded, openai]
  voices: {azure: es-MX-DaliaNeural, openai: sage}
  formality: Say usted.
  prompt: "Speak Spanish ({locale}). {formality}"
  numbers: ["+52", "+34"]
  unsupported: Lo siento.
en:
  numbers: ["+1", "+5299"]
"""
CHAIN = ["azure", "openai", "embedded"]


@pytest.fixture
def routes() -> Routes:
    return read_routes(TEXT, "routes.yaml")


def test_a_route_says_who_serves_a_language(routes: Routes) -> None:
    assert routes.ordered("transcribers", "es", CHAIN) == ["openai", "azure", "embedded"]
    assert routes.ordered("synthesizers", "es-MX", CHAIN) == ["openai", "embedded"]
    assert routes.ordered("models", "es", ["azure", "anthropic"]) == ["anthropic"]


def test_the_settings_hold_where_a_route_says_nothing_or_names_nobody_who_is_there(routes: Routes) -> None:
    assert routes.ordered("models", "es", ["azure", "openai"]) == ["azure", "openai"]
    assert routes.ordered("transcribers", "en", CHAIN) == CHAIN
    assert routes.ordered("transcribers", "fr", CHAIN) == CHAIN
    assert routes.of("fr").style == ""


def test_nobody_takes_the_place_of_who_stands_by(routes: Routes) -> None:
    assert routes.ordered("synthesizers", "es", ["azure", "openai"]) == ["openai"]
    assert routes.ordered("synthesizers", "es", ["azure", "embedded"]) == ["embedded"]


def test_a_route_tells_voices_manner_and_locale(routes: Routes) -> None:
    assert routes.voices("azure") == {"es": "es-MX-DaliaNeural"}
    assert routes.of("es").style == "Speak Spanish (es-MX). Say usted."
    assert routes.locales == {"es": "es-MX"}
    assert routes.unsupported == {"es": "Lo siento."}


@pytest.mark.parametrize(
    ("number", "language"),
    [("+525550100", "es"), ("+52995550100", "en"), ("+15550100", "en"), ("+495550100", None), ("", None)],
)
def test_a_number_tells_a_language(routes: Routes, number: str, language: str | None) -> None:
    assert routes.language_of_number(number, ["en", "es"]) == language


def test_a_language_that_is_not_spoken_does_not_count(routes: Routes) -> None:
    assert routes.language_of_number("+525550100", ["en", "fr"]) is None


def test_one_route_for_all_languages(routes: Routes) -> None:
    plain = routes.one_for_all
    assert plain.ordered("transcribers", "es", CHAIN) == CHAIN
    assert plain.of("es").style == ""
    assert plain.voices("openai") == {"es": "sage"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "routes.yaml:1:1 no route is here"),
        ("- en", "routes.yaml:1:1 no route is here"),
        ("english: {}", 'routes.yaml:1:1 "english" is no language'),
        ("en:\n  locale: english", 'routes.yaml:2:3 "english" is no locale; write it like es-MX'),
        ("en:\n  models: [azure, hal]", 'routes.yaml:2:19 unknown provider "hal"; use one of: azure'),
        ("en:\n  models: azure", "routes.yaml:2:11 models of route"),
        ("en:\n  voices: {azur: x}", 'routes.yaml:2:12 unknown provider "azur"; did you mean "azure"?'),
        ("en:\n  prompt: Hi {name}", "routes.yaml:2:3 the prompt has a placeholder"),
        ("en:\n  prompt: Hi {locale.x}", "routes.yaml:2:3 the prompt has a placeholder"),
        ("en:\n  numbers: [one]", 'routes.yaml:2:3 "one" begins no number'),
        ("en:\n  voice: x", 'routes.yaml:2:3 route "en" has no key "voice"; did you mean "voices"?'),
        ("en: {\n", "routes.yaml:2:1 not valid YAML"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidFlow) as raised:
        read_routes(text, "routes.yaml")
    assert str(raised.value).startswith(message)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(InvalidFlow) as raised:
        read_routes("en: {models: [hal]}\nes: {voice: x}", "routes.yaml")
    assert [fault.line for fault in raised.value.faults] == [1, 2]


def test_the_shipped_routes_are_in_order() -> None:
    routes = read_routes(SHIPPED.read_text("utf-8"), SHIPPED.name)
    assert {"en", "es", "fr", "de", "it"} <= routes.by_language.keys()
    assert all(route.style and route.unsupported for route in routes.by_language.values())

"""docs/flows.md leaves nothing out: every verb, key, slot type, filter and function of the code stands there."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

import pytest
import yaml

from app.flow.draft import built_in_settings
from app.flow.expressions import compile_expression
from app.flow.languages import LANGUAGES
from app.flow.lint import lint
from app.flow.nodes import http, llm, node_readers, record, transfer
from app.flow.rehearsal import script
from app.flow.requests import MAX_TIMEOUT_MS, METHODS, TIMEOUT_MS
from app.flow.schema import flow_schema
from app.flow.slots import slot_types
from app.flow.slots.choice import Choice
from app.flow.slots.lists import List
from app.flow.slots.money import CURRENCIES
from app.flow.slots.phone import PLANS
from app.flow.slots.postcode import FIGURES, LETTERED
from app.flow.speaking import FILTERS
from app.flow.standard_intents import STANDARD
from providers.local_answers import ANSWERED, NOT_KNOWN
from tests.flow.test_docs import FILES, FRAME, PAGE, merged

SCHEMA: Final = flow_schema(built_in_settings())
NODES: Final = {
    one["required"][0]: one["properties"]
    for one in SCHEMA["properties"]["nodes"]["additionalProperties"]["anyOf"]
}
SLOTS: Final = {
    one["properties"]["type"]["const"]: one["properties"]
    for one in SCHEMA["properties"]["slots"]["additionalProperties"]["anyOf"]
}
TOOL: Final[dict[str, object]] = {
    "description": "text",
    "http": "GET https://example.com",
    "headers": {},
    "body": None,
    "timeout": "3s",
    "arguments": {},
    "requires": [],
    "requires_confirmation": True,
}


def section(title: str) -> str:
    """The text under a heading, with what is under its subheadings, less its snippets."""
    heading = re.search(rf"^(#+) {re.escape(title)}$", PAGE, re.MULTILINE)
    assert heading, f"docs/flows.md has no heading {title!r}"
    rest = PAGE[heading.end() :]
    end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return re.sub(r"(?ms)^```.*?^```$", "", rest[: end.start()] if end else rest)


def rows(title: str) -> dict[str, list[str]]:
    """The cells of a section's tables, by every name in the first."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return {name: row for row in cells for name in quoted(row[0])}


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def words(text: str) -> set[str]:
    """Every word inside of backticks."""
    return {word for one in quoted(text) for word in re.findall(r"\w+", one)}


def test_every_key_of_the_file_is_documented() -> None:
    assert set(rows("The file")) == set(SCHEMA["properties"])
    assert set(SCHEMA["properties"]["defaults"]["properties"]) == set(quoted(rows("The file")["defaults"][1]))
    assert set(LANGUAGES) == set(quoted(rows("The file")["languages"][1]))


@pytest.mark.parametrize("verb", sorted(node_readers()))
def test_every_key_of_a_verb_is_documented(verb: str) -> None:
    own, shared = set(rows(f"`{verb}`")), set(rows("Keys that several verbs share"))
    assert own <= set(NODES[verb])
    assert set(NODES[verb]) <= own | shared


@pytest.mark.parametrize(("verb", "key"), [("menu", "choices"), ("collect", "keypad"), ("collect", "reject")])
def test_what_is_inside_of_a_key_is_documented(verb: str, key: str) -> None:
    inside = NODES[verb][key]
    assert set(inside.get("items", inside)["properties"]) <= words(rows(f"`{verb}`")[key][1])


@pytest.mark.parametrize(
    ("title", "key"), [("Hours", "hours"), ("Understanding", "intents"), ("Globals", "globals")]
)
def test_the_keys_of_the_other_parts_are_documented(title: str, key: str) -> None:
    assert set(rows(title)) == set(SCHEMA["properties"][key]["additionalProperties"]["properties"])


def test_every_key_of_a_tool_is_documented() -> None:
    """TOOL is complete: with one key more it would not load."""
    assert set(TOOL) <= words(section("`llm`"))
    tool = {"llm": "Answer.", "tools": {"look": {**TOOL, "more": 1}}, "outcomes": {}, "failed": "goodbye"}
    faults = lint("frame.yaml", {"frame.yaml": merged(FRAME, yaml.safe_dump({"nodes": {"talk": tool}}))})
    assert [one.message for one in faults if one.code == "unknown-key"] == ['tool "look" has no key "more"']


def test_the_outcomes_of_the_model_that_is_always_there_are_documented() -> None:
    assert {*ANSWERED, *NOT_KNOWN} <= words(section("`llm`"))


@pytest.mark.parametrize("kind", sorted(slot_types()))
def test_every_slot_type_is_documented(kind: str) -> None:
    _, understood, options, typed = rows("Slots")[kind]
    assert set(SLOTS[kind]) - {"type", "sensitive"} <= set(quoted(options))
    assert set(slot_types()[kind].parts) <= set(quoted(understood))
    if kind not in (Choice.kind, List.kind):
        assert (typed == "not") == (slot_types()[kind]().key_rule() is None)


def test_countries_currencies_and_languages_of_slots() -> None:
    text = section("Slots")
    assert {*PLANS, *CURRENCIES, *FIGURES, *LETTERED} <= set(quoted(text))
    italian = [kind for kind, one in sorted(slot_types().items()) if "it" in one.languages]
    assert f"in `it` only {', '.join(f'`{one}`' for one in italian[:-1])} and `{italian[-1]}`" in text


def test_filters_functions_and_steps_are_documented() -> None:
    assert set(FILTERS) == set(rows("Templates")) & set(FILTERS)
    with pytest.raises(ValueError, match="use one of: ") as refused:
        compile_expression("nothing_like_it(1)", {}, ())
    functions = str(refused.value).partition("use one of: ")[2].split(", ")
    assert set(functions) == {one.partition("(")[0] for one in rows("Expressions") if "(" in one}
    assert set(script.STEPS) <= set(re.findall(r"\w+(?=:)", FILES["workshop.test.yaml"]))
    assert set(METHODS) <= set(quoted(rows("`http`")["http"][1]))
    assert all(f"`{name}`" in section("Globals") for name in STANDARD)


@pytest.mark.parametrize("kind", [script.Bot, script.Expect, script.Mock, script.Rehearsed, script.Says])
def test_every_key_of_a_test_is_shown(kind: type) -> None:
    renamed = {
        "timed_out": "timeout",
        "after_ms": "send_after",
        "caller": "from",
        "text": "caller",
        "environment": "env",
    }
    known = {renamed.get(one.name, one.name.removesuffix("_ms")) for one in fields(kind)}
    assert known - {"place", "readable"} <= set(re.findall(r"\w+(?=:)", FILES["workshop.test.yaml"]))


SETTINGS: Final = built_in_settings()


@pytest.mark.parametrize(
    ("title", "key", "default"),
    [
        ("Keys that several verbs share", "barge_in", SETTINGS.barge_in),
        ("Keys that several verbs share", "min_words", f"{SETTINGS.min_words}"),
        ("Keys that several verbs share", "timeout", f"{SETTINGS.timeout_ms // 1000}s"),
        ("Keys that several verbs share", "max_attempts", f"{SETTINGS.max_attempts}"),
        ("Keys that several verbs share", "confidence", f"{SETTINGS.confidence}"),
        ("`http`", "timeout", f"{TIMEOUT_MS // 1000}s"),
        ("`transfer`", "ring", f"{transfer.RING_MS // 1000}s"),
        ("`record`", "max", f"{record.MAX_MS // 1000}s"),
        ("`llm`", "max_turns", f"{llm.MAX_TURNS}"),
        ("`llm`", "max_tokens", f"{llm.MAX_TOKENS}"),
    ],
)
def test_defaults_are_those_of_the_code(title: str, key: str, default: str) -> None:
    assert rows(title)[key][2] == f"`{default}`"


def test_bounds_are_those_of_the_code() -> None:
    assert f"at most `{MAX_TIMEOUT_MS // 1000}s`" in rows("`http`")["timeout"][1]
    assert f"after {http.WAITING_AFTER_MS} ms" in rows("`http`")["waiting"][1]
    assert f"after {http.BUILT_IN_WAITING_AFTER_MS / 1000:g} s" in rows("`http`")["waiting"][2]

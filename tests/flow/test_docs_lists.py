"""Lists that are written out by hand, in the documents and in the code, are whole and hold nothing that is gone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final, get_args

import pytest

from app.flow import expressions, requests, saving, templates
from app.flow.document import MAX_BYTES, MAX_DEPTH
from app.flow.early import PLAINEST
from app.flow.failing import MAX_FAILURES, Failure
from app.flow.inputs import TransferOutcome
from app.flow.keypad import KEY_NAMES, PAUSE_MS
from app.flow.languages import LANGUAGES
from app.flow.nodes import node_readers
from app.flow.nodes.llm import MAX_FACTS
from app.flow.phrases import MAX_VARIANTS
from app.flow.rehearsal.script import STEPS, Bot, Expect
from app.flow.slots import slot_types
from app.flow.slots.digits import LONGEST
from app.flow.slots.money import CURRENCIES
from app.flow.slots.phone import PLANS
from app.flow.slots.postcode import FIGURES, LETTERED
from tests.flow.test_docs import PAGE
from tests.flow.test_docs_reference import NODES, quoted, section

ROOT: Final = Path(__file__).parents[2]
ENGINE: Final = ROOT / "app" / "flow"
_NUMBER: Final = {3: "three", 12: "twelve"}
TESTING: Final = (ROOT / "docs" / "flow-tests.md").read_text("utf-8")


def listed(before: str, page: str = PAGE, after: str = ".") -> list[str]:
    """What stands in backticks between two texts of a page; line breaks do not count."""
    folded = " ".join(page.split())
    assert folded.count(before) == 1, before
    return quoted(folded.partition(before)[2].partition(after)[0])


def table(first: str) -> list[str]:
    """The names in the first column of the table in flow-tests.md that is headed so."""
    lines = TESTING.partition(f"| {first} |")[2].splitlines()[2:]
    cells = [line.split("|")[1] for line in lines[: lines.index("")]]
    return [name for cell in cells for name in quoted(cell)]


# The verbs


@pytest.mark.parametrize(
    ("before", "key"),
    [("These say how a node speaks:", "barge_in"), ("These say how a node waits:", "confidence")],
)
def test_the_verbs_that_share_keys_are_named(before: str, key: str) -> None:
    assert sorted(listed(before)) == sorted(verb for verb, keys in NODES.items() if key in keys)


def test_every_verb_has_a_section() -> None:
    verbs = re.findall(r"^### `(\w+)`$", section("Nodes"), re.MULTILINE)
    assert sorted(verbs) == sorted(node_readers())


def test_the_keys_that_are_called_by_name_are_named() -> None:
    named = {word for one in quoted(section("`menu`")) if (word := one.strip('"')).isalpha()}
    assert set(KEY_NAMES) <= named


def test_headers_that_a_flow_cannot_set_are_named() -> None:
    assert {
        name.lower() for name in listed("names and texts.", after="are not yours")
    } == requests.RESERVED_HEADERS


def test_the_methods_are_named() -> None:
    assert tuple(listed("the method (", after=")")) == requests.METHODS


# The slots


def test_slots_that_hold_a_text_are_named() -> None:
    kinds = [kind for kind, one in slot_types().items() if one.expression_type == "text"]
    assert sorted(listed("A slot that holds a text (", after=")")) == sorted(kinds)


def test_countries_and_currencies_are_those_of_the_code() -> None:
    assert set(listed("`country` of a `phone` is two letters:")) == set(PLANS)
    assert set(listed("`country`, needed:", after="|")) == {*FIGURES, *LETTERED}
    assert tuple(listed("Part: `currency` | `currency` (", after=";")) == CURRENCIES


def test_every_type_that_is_taken_early_has_its_turn() -> None:
    assert sorted(PLAINEST) == sorted(kind for kind, one in slot_types().items() if one.early)


@pytest.mark.parametrize("code", LANGUAGES)
def test_languages_name_kinds_that_there_are(code: str) -> None:
    assert set(LANGUAGES[code].kinds) <= set(slot_types())


# The events


def test_every_event_is_named() -> None:
    named = set(listed("and these come by themselves:", after="They stand in the call"))
    assert named == set(_events())


def _events() -> Iterator[str]:
    """What the engine tells by itself, as its code writes it; `outcome_NAME` stands for all of a flow's own."""
    yield from get_args(Failure)
    for path in ENGINE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and _called(call.func) in ("log", "Event") and call.args:
                yield from _texts(call.args[0])


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _texts(written: ast.expr) -> Iterator[str]:
    match written:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from (*_texts(one), *_texts(other))
        case ast.JoinedStr(values=[ast.Constant(value="transfer_"), _]):
            yield from (f"transfer_{outcome}" for outcome in get_args(TransferOutcome))
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), _]):
            yield f"{text}NAME"


# The tests of a flow


def test_every_step_of_a_test_is_in_its_document() -> None:
    assert [name.partition(":")[0] for name in table("step")] == list(STEPS)
    assert listed("how the transfer ends:", TESTING, "|") == list(get_args(TransferOutcome))


@pytest.mark.parametrize(("kind", "verb"), [(Bot, "`bot`"), (Expect, "`expect`")])
def test_every_expectation_is_in_its_document(kind: type, verb: str) -> None:
    known = [one.name.removesuffix("_ms") for one in fields(kind)]
    assert sorted([*table(verb), "place"]) == sorted(known)


# The bounds


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("The file", f"over {MAX_BYTES // 1024} KiB, or nested over {MAX_DEPTH} levels"),
        ("`collect`", f"ended by `finish` or {_NUMBER[PAUSE_MS // 1000]} seconds of pause)"),
        ("Slots", f"`length`, or `min` and `max`; at most {LONGEST}"),
        (
            "`http`",
            f"at most {saving.MAX_TEXT} letters of text, at most {saving.MAX_ENTRIES} texts and numbers",
        ),
        ("`llm`", f"at most {MAX_FACTS // 1024} Ki letters"),
        ("Templates", f"A text has at most {templates.MAX_LENGTH} letters"),
        ("Expressions", f"An expression has at most {expressions.MAX_LENGTH} letters"),
        ("Understanding", f"at most {MAX_VARIANTS} wordings each"),
        ("Silence and misunderstanding", f"{_NUMBER[MAX_FAILURES]} failures in a row"),
    ],
)
def test_bounds_are_told_as_they_are(title: str, told: str) -> None:
    assert told.casefold() in " ".join(section(title).split()).casefold()

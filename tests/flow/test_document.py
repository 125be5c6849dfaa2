"""The same tree with libyaml and without it."""

from __future__ import annotations

import pytest

from app.errors import FlowError
from app.flow import document
from app.flow.document import PureLoader, Tree, parse
from tests.flow.conftest import FLOWS

TEXTS = [
    "{say: Which one?, goto: there}",
    "[Really?, yes]",
    "{say: what?now, next: there}",
    "{really?: 1}",
    "{http: https://example.com/free?day=1, ok: there}",
    "menu: Yes? No?",
    "[? a : b]",
    "{say: ?, next: there}",
    "{say: one: two, next: there}",
]


def read(text: str) -> tuple[Tree | None, list[tuple[int, int]]]:
    """The tree, and where faults are: their words are each reader's own."""
    faults: list[FlowError] = []
    return parse(text, "flow.yaml", faults), [(one.line, one.column) for one in faults]


@pytest.mark.parametrize(
    "text", [*TEXTS, *(pytest.param(path.read_text("utf-8"), id=path.name) for path in FLOWS.glob("*.yaml"))]
)
def test_both_readers_agree(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_libyaml = read(text)
    monkeypatch.setattr(document, "_Loader", PureLoader)
    assert read(text) == with_libyaml


def test_a_question_needs_no_quotes() -> None:
    tree, faults = read("{say: Which one?, goto: there}")
    assert faults == []
    assert isinstance(tree, document.Fields)
    assert [one.text for one in tree.values.values() if isinstance(one, document.Scalar)] == [
        "Which one?",
        "there",
    ]

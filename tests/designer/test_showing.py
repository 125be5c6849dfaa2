"""What is generated from a flow: schema, drawings, explanations; and files that are written."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.designer.layout import HEIGHT, WIDTH, lines, spots
from app.designer.showing import drawing, page, schema_text
from app.flow.document import parse
from app.flow.nodes import node_readers
from app.flow.rehearsal.script import plain
from app.flow.slots import slot_types
from tests.flow.conftest import FLOWS

SHIPPED = [path for path in sorted(FLOWS.glob("*.yaml")) if "." not in path.stem]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["flow", *map(str, arguments)])


# the schema


def test_the_committed_schema_is_the_generated_one() -> None:
    committed = (FLOWS / "flow.schema.json").read_text("utf-8")
    assert committed == schema_text(), "run `callrelay flow schema > flows/flow.schema.json`"


def document(text: str) -> Any:
    """A flow file as JSON, read as flows are."""
    tree = parse(text, "flow.yaml", [])
    assert tree
    return plain(tree)


def valid(flow: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(json.loads(schema_text())).is_valid(flow))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_flows_keep_to_the_schema(path: Path) -> None:
    text = path.read_text("utf-8")
    assert valid(document(text))
    assert text.startswith("# yaml-language-server: $schema=./flow.schema.json\n")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"nodes": {"greet": {"say": "Hello.", "nxt": "greet"}}},
        {"nodes": {"greet": {"menu": "Which?", "choices": "one"}}},
        {"nodes": {"greet": {"say": "Hello.", "next": ["greet"]}}},
        {"slots": {"day": {"type": "dates"}}},
        {"defaults": {"barge_in": "some"}},
    ],
)
def test_the_schema_refuses_what_loading_would(change: dict[str, Any]) -> None:
    assert not valid({**document((FLOWS / "greeting.yaml").read_text("utf-8")), **change})


def test_every_verb_and_slot_type_is_in_the_schema() -> None:
    properties = json.loads(schema_text())["properties"]
    nodes = properties["nodes"]["additionalProperties"]["anyOf"]
    assert {one["required"][0] for one in nodes} == set(node_readers())
    slots = properties["slots"]["additionalProperties"]["anyOf"]
    assert {one["properties"]["type"]["const"] for one in slots} == set(slot_types())


# drawings


def test_mermaid_draws_every_node_and_way() -> None:
    text = drawing(FLOWS / "clinic.yaml", {})
    assert text.startswith("flowchart TD\n")
    assert 'n_main_menu -->|"book"| n_ask_day' in text
    assert 'everywhere((everywhere)) -.->|"agent"| n_operator' in text


def test_a_node_is_drawn_with_the_verb_of_its_file(tmp_path: Path) -> None:
    text = (
        "flow: ask\nformat: 1\nlanguages: [en]\noutcomes: [done]\nstart: end\nnodes: {end: {outcome: done}}\n"
    )
    (tmp_path / "ask.yaml").write_text(text, "utf-8")
    assert 'n_end(["end<br/>outcome"])' in drawing(tmp_path / "ask.yaml", {})
    assert 'n_goodbye(["goodbye<br/>hangup"])' in drawing(FLOWS / "greeting.yaml", {})


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.classes: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag != "meta":
            self.open.append(tag)
        self.names += [found["data-name"] or ""] if "data-name" in found else []
        self.classes += (found.get("class") or "").split()
        self.references += [value or "" for key, value in attrs if key in ("src", "href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing() -> None:
    text = page(FLOWS / "clinic.yaml", {})
    read = Page()
    read.feed(text)
    assert not read.open
    assert not read.references
    assert not re.search(r"https?://", text)
    assert len(read.names) == len(set(read.names)) == 32
    assert "everywhere" in read.names
    assert "taken" in read.classes
    data = json.loads(re.findall(r"const nodes = (.*);", text)[0])
    assert data["ask_day"]["prompts"]["es"]["ask"] == "¿Qué día le viene bien?"


def test_boxes_stand_apart_and_lines_end_at_them() -> None:
    ways = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "a"), ("b", "c")]
    at = spots(["a", "b", "c", "d", "alone"], ["a"], ways)
    assert len(set(at.values())) == 5
    assert [at[name][1] for name in "abcd"] == sorted(at[name][1] for name in "abcd")
    drawn = lines(ways, at)
    assert len(set(drawn.values())) == len(ways)
    for (source, target), path in drawn.items():
        points = [(int(x), int(y)) for x, y in re.findall(r"(-?\d+),(-?\d+)", path)]
        for (x, y), (left, top) in ((points[0], at[source]), (points[-1], at[target])):
            assert left <= x <= left + WIDTH
            assert top <= y <= top + HEIGHT


def test_rows_are_sorted_so_that_lines_do_not_cross() -> None:
    ways = [("a", "left"), ("a", "right"), ("right", "below_right"), ("left", "below_left")]
    at = spots(["a", "left", "right", "below_right", "below_left"], ["a"], ways)
    assert (at["left"] < at["right"]) == (at["below_left"] < at["below_right"])


def test_the_page_of_a_flow_without_tests_has_no_colours(tmp_path: Path) -> None:
    (tmp_path / "greeting.yaml").write_text((FLOWS / "greeting.yaml").read_text("utf-8"), "utf-8")
    read = Page()
    read.feed(page(tmp_path / "greeting.yaml", {}))
    assert not {"taken", "missed"} & set(read.classes)


def test_words_in_a_flow_cannot_break_the_page(tmp_path: Path) -> None:
    text = (FLOWS / "greeting.yaml").read_text("utf-8").replace("the front desk", "</script><b>us</b>")
    (tmp_path / "greeting.yaml").write_text(text, "utf-8")
    assert "</script><b>" not in page(tmp_path / "greeting.yaml", {})


def test_graph_writes_the_page(tmp_path: Path) -> None:
    result = run("graph", FLOWS / "greeting.yaml", "--html", tmp_path / "greeting.html")
    assert result.exit_code == 0
    assert (tmp_path / "greeting.html").read_text("utf-8").startswith("<!DOCTYPE html>")


# explanations


def test_a_node_is_told_by_its_new_name(tmp_path: Path) -> None:
    text = (FLOWS / "greeting.yaml").read_text("utf-8") + "renamed: {opening: hours}\n"
    (tmp_path / "greeting.yaml").write_text(text, "utf-8")
    explained = run("explain", tmp_path / "greeting.yaml", "opening")
    assert 'it is called "hours" now' in str(explained.exception)


def test_explain_says_it_in_plain_words() -> None:
    output = run("explain", FLOWS / "clinic.yaml", "main_menu").output
    for part in (
        "asks for one of 3 choices",
        "menu (es): ¿Quiere",
        "book: to ask_day (line",
        "or key 1",
        "goes to operator",
        "After 3 failures in all it goes to operator, unless a list above leads elsewhere.",
    ):
        assert part in output
    assert '", then it asks again' in run("explain", FLOWS / "card_activation.yaml", "ask_last_four").output


ASK = """\
flow: ask
format: 1
languages: [en]
start: one
slots: {day: {type: date}}
nodes:
  one: {collect: day, ask: Which day?, next: end}
  end: {hangup: Goodbye.}
"""
CALLED = ASK.replace("start:", "outcomes: [done]\nstart:").replace("hangup: Goodbye.", "outcome: done")
AGENT = 'intents: {agent: {phrases: ["[a] person"]}}\nglobals: {agent: {press: 0, goto: WHERE}}\nnodes:'


@pytest.mark.parametrize(
    ("flow", "way_out"),
    [
        (ASK, "apologises and hangs up"),
        (CALLED, "goes back to the flow that called, as failed"),
        (ASK.replace("nodes:", AGENT.replace("WHERE", "end")), "goes to end"),
        (ASK.replace("nodes:", AGENT.replace("WHERE", "one")), "apologises and hangs up"),
        (CALLED.replace("nodes:", AGENT.replace("WHERE", "one")), "apologises and hangs up"),
    ],
)
def test_explain_tells_where_a_caller_goes_whom_a_question_could_not_help(
    tmp_path: Path, flow: str, way_out: str
) -> None:
    (tmp_path / "ask.yaml").write_text(flow, "utf-8")
    output = run("explain", tmp_path / "ask.yaml", "one").output
    assert f"After 3 failures in all it {way_out}." in output


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_node_can_be_explained(path: Path) -> None:
    for name in document(path.read_text("utf-8"))["nodes"]:
        assert run("explain", path, name).exit_code == 0


def test_an_unknown_node_is_named() -> None:
    assert 'did you mean "main_menu"?' in str(run("explain", FLOWS / "clinic.yaml", "man_menu").exception)


# new and migrate


def test_a_new_flow_is_clean_and_holds_its_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS_DIR", str(tmp_path))
    assert run("new", "shop").exit_code == 0
    assert run("lint").output == "nothing found\n"
    assert run("test", "--coverage").exit_code == 0
    assert valid(document((tmp_path / "shop.yaml").read_text("utf-8")))
    schema = (tmp_path / "flow.schema.json").read_text("utf-8")
    assert schema == schema_text(), "the first line of the flow names it"
    assert "is there already" in str(run("new", "shop").exception)
    assert "is no name" in str(run("new", "a-b").exception)


def test_a_flow_is_known_by_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS_DIR", str(tmp_path))
    assert "callrelay flow new NAME" in str(run("lint", "shop").exception)
    run("new", "shop")
    assert run("lint", "shop").output == "nothing found\n"
    assert run("test", "shop").exit_code == 0
    assert 'did you mean "shop"?' in str(run("test", "shpo").exception)
    assert 'did you mean "shop"?' in str(run("graph", "shopp").exception)


def test_the_shipped_flows_tell_editors_their_schema() -> None:
    for path in SHIPPED:
        assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=./flow.schema.json\n")


def test_migrate_says_that_a_flow_is_up_to_date(tmp_path: Path) -> None:
    assert "the newest; nothing to do" in run("migrate", FLOWS / "clinic.yaml").output
    newer = tmp_path / "newer.yaml"
    newer.write_text("flow: newer\nformat: 9\n", "utf-8")
    assert "update callrelay" in str(run("migrate", newer).exception)
    newer.write_text("# Adiós\nformat: 1\n", "latin-1")
    assert "is not UTF-8; save it as UTF-8" in str(run("migrate", newer).exception)


# flow test


def test_a_failing_test_fails_the_command_and_its_report(tmp_path: Path) -> None:
    for name in ("greeting.yaml", "greeting.test.yaml"):
        text = (
            (FLOWS / name)
            .read_text("utf-8")
            .replace("Mill Lane", "Hill Lane" if name == "greeting.yaml" else "Mill Lane")
        )
        (tmp_path / name).write_text(text, "utf-8")
    result = run("test", tmp_path / "greeting.yaml", "--junit", tmp_path / "junit.xml")
    assert result.exit_code == 1
    assert '"Mill Lane" was not said' in result.output
    assert result.output.endswith("\n1 of 6 tests FAILED\n")
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text("utf-8")
    found = json.loads(run("test", tmp_path / "greeting.yaml", "--json").output)
    assert [test["held"] for test in found[0]["tests"]].count(False) == 1


def test_a_line_that_no_test_takes_fails_coverage(tmp_path: Path) -> None:
    (tmp_path / "greeting.yaml").write_text((FLOWS / "greeting.yaml").read_text("utf-8"), "utf-8")
    tests = "flow: greeting\nnow: 2026-11-13T10:00:00-05:00\ntests:\n  - {name: one, steps: [{dtmf: '3'}]}\n"
    (tmp_path / "greeting.test.yaml").write_text(tests, "utf-8")
    assert run("test", tmp_path / "greeting.yaml").exit_code == 0
    result = run("test", tmp_path / "greeting.yaml", "--coverage")
    assert result.exit_code == 1
    assert "menu.hours to hours: no test takes it" in result.output

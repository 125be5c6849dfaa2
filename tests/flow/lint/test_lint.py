"""Every kind of finding is found, at its exact place; and the shipped flows have none."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from app.designer.files import directory_texts
from app.flow.lint import CODES, lint
from tests.flow.conftest import FLOWS

FAULTY = Path(__file__).parents[1] / "data" / "lint"
DOCUMENT = Path(__file__).parents[3] / "docs" / "lint.md"
MARKER = re.compile(r"#\s*\^ ([a-z, -]+)")


def texts(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in directory.glob("*.yaml")}


def marked(file: str, text: str) -> Counter[tuple[str, int, int, str]]:
    """What the `^` under a file's lines say should be found there."""
    found: Counter[tuple[str, int, int, str]] = Counter()
    above = 0
    for number, line in enumerate(text.splitlines(), 1):
        marker = MARKER.match(line)
        if marker is None:
            above = number
        else:
            column = 1 if line.startswith("#^") else line.index("^") + 1
            found.update((file, above, column, code) for code in marker[1].split(", "))
    return found


@pytest.mark.parametrize("name", sorted(file for file in texts(FAULTY) if file.count(".") == 1))
def test_every_fault_is_found_at_its_place(name: str) -> None:
    files = texts(FAULTY)
    own = {file: text for file, text in files.items() if file.partition(".")[0] == name.removesuffix(".yaml")}
    expected = sum((marked(file, text) for file, text in own.items()), Counter())
    found = Counter((one.place.path, one.place.line, one.place.column, one.code) for one in lint(name, files))
    assert found == expected


def test_a_flow_has_the_name_of_its_file() -> None:
    files = {
        "other.yaml": "# a shop\nflow: shop\nformat: 1\nlanguages: [en]\nstart: bye\nnodes: {bye: {hangup: Bye.}}\n"
    }
    assert [str(one) for one in lint("other.yaml", files)] == [
        'other.yaml:2:1 error wrong-value: the file is named "other", its flow "shop"; make both agree'
    ]


def test_what_stands_in_one_place_is_told_in_the_order_in_which_it_is_read() -> None:
    found = [str(one) for one in lint("shop.yaml", {"shop.yaml": "x: 1\n"})]
    missing = [
        line.partition("the flow needs ")[2].partition(";")[0] for line in found if "missing-key" in line
    ]
    assert missing == ["flow", "format", "languages", "nodes", "start"]


@pytest.mark.parametrize(
    ("slot", "fix"),
    [
        ("{type: number, max: 9}", "add `keypad: {length: 1}`"),
        ("{type: number, max: 40}", "add `keypad: {max: 2, finish: pound}` and name that key in a prompt"),
        ("{type: number}", "add `keypad: {length: 8}`, or `keypad: {max: 4, finish: pound}` and name"),
    ],
)
def test_the_keys_that_a_number_takes_are_proposed(slot: str, fix: str) -> None:
    flow = f"""\
flow: desk
format: 1
languages: [en]
start: ask
slots: {{count: {slot}}}
nodes:
  ask: {{collect: count, ask: How many?, next: bye}}
  bye: {{hangup: Goodbye.}}
"""
    (endless,) = (one for one in lint("desk.yaml", {"desk.yaml": flow}) if one.code == "digits-without-end")
    assert endless.fix.startswith(fix)


def test_there_is_a_fault_of_every_kind() -> None:
    files = texts(FAULTY)
    assert {code for file, text in files.items() for *_, code in marked(file, text)} == set(CODES)


@pytest.mark.parametrize("path", sorted(FLOWS.glob("*.yaml")), ids=lambda path: path.name)
def test_nothing_is_found_in_the_shipped_flows(path: Path) -> None:
    if path.name.count(".") == 1:
        assert not lint(str(path), directory_texts(FLOWS))


def test_every_finding_names_a_way_out() -> None:
    for name in ("faults.yaml", "rounds.yaml", "tongues.yaml"):
        for finding in lint(name, texts(FAULTY)):
            assert finding.message
            assert finding.fix
            assert str(finding).startswith(f"{finding.place.path}:{finding.place.line}:")


def test_the_document_lists_every_code() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (error|warning) \| (.*?) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE
    )
    assert rows == [(name, code.severity, code.meaning) for name, code in CODES.items()]

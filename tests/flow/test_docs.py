"""docs/flows.md does what it says: every snippet runs.

A snippet is a file (```yaml NAME.yaml), something to put into one (```yaml NAME.yaml +), or a part of a flow (```yaml
nodes, ```yaml slots, ```yaml flow), which FRAME completes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app.designer.testing import as_text, run_flows
from app.designer.writing import new_flow
from app.flow.lint import lint

PAGE: Final = (Path(__file__).parents[2] / "docs" / "flows.md").read_text("utf-8")
BLOCK: Final = re.compile(r"^```yaml ?([\w.]*)( \+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# what a fragment lacks and its frame cannot know
OF_THE_FRAME: Final = {"unused", "unfilled"}
FRAME: Final = """\
flow: frame
format: 1
languages: [en]
start: frame
hours: {shop: {open: "Mo-Fr 09:00-17:00", timezone: Europe/London, country: GB}}
slots:
  day: {type: date, from: today}
  time: {type: time}
  times: {type: list}
  bikes: {type: number}
  price: {type: money, currency: EUR}
  callback: {type: phone}
  order: {type: digits, length: 6}
intents:
  brakes: {phrases: [brakes]}
  gears: {phrases: [gears]}
  agent: {phrases: [a person]}
  cheap: {phrases: [something cheap]}
globals:
  agent: {press: 0, goto: mechanic}
nodes:
  main_menu: {menu: "Brakes?", again: "The brakes?", choices: [{intent: brakes, goto: ask_day}]}
  ask_day: {collect: day, ask: "When?", again: "When, please?", next: when}
  when: {collect: time, ask: "At what time?", again: "And at what time?", next: connect}
  connect: {transfer: "+442079460000", no_answer: message}
  message: {record: Please leave a message., next: goodbye}
  mechanic: {transfer: "+442079460000", no_answer: goodbye}
  goodbye: {hangup: Goodbye.}
"""


@dataclass(frozen=True)
class Block:
    """A snippet; `name` is a file's, or the key of a flow that it belongs to."""

    name: str
    added: bool
    text: str


BLOCKS: Final = [Block(name, bool(added), text) for name, added, text in BLOCK.findall(PAGE)]
FILES: Final = {one.name: one.text for one in BLOCKS if "." in one.name and not one.added}
PARTS: Final = [one for one in BLOCKS if "." not in one.name]
BUILT: Final = [one for one in BLOCKS if one.name.startswith("bikes.")]
REST: Final = {name: text for name, text in FILES.items() if not name.startswith("bikes.")}


def merged(*texts: str) -> str:
    """Texts of YAML in one: mappings are joined, the last value of a key stays, but tests come after those before."""
    first, *others = (yaml.compose(text, Loader=yaml.SafeLoader) for text in texts)
    for other in others:
        _join(first, other)
    return str(yaml.serialize(first, allow_unicode=True))


def _join(into: Any, other: Any) -> None:
    known = {key.value: value for key, value in into.value}
    for key, value in other.value:
        there = known.get(key.value)
        if isinstance(there, yaml.MappingNode) and _is_nested(value):
            _join(there, value)
        elif key.value == "tests" and there is not None:
            there.value += value.value
        elif there is not None:
            into.value = [(one, value if one.value == key.value else old) for one, old in into.value]
        else:
            into.value.append((key, value))


def _is_nested(value: Any) -> bool:
    """Sections and what they hold are joined; a node that is written anew is new."""
    return isinstance(value, yaml.MappingNode) and all(
        isinstance(one, yaml.MappingNode) for _, one in value.value
    )


def findings(name: str, files: dict[str, str]) -> list[str]:
    return [str(one) for one in lint(name, {"facts/shop.md": "- We repair bicycles.", **files})]


# The snippets


def test_every_snippet_says_where_it_belongs() -> None:
    assert PAGE.count("```yaml") == len(BLOCKS)
    assert {one.name for one in PARTS} == {"flow", "nodes", "slots"}


def test_the_flow_of_ten_minutes_works_after_every_step(tmp_path: Path) -> None:
    flow, *_ = new_flow("bikes", tmp_path)
    assert BUILT[0].text == flow.read_text("utf-8")
    tested = run_flows([flow])
    for block in BUILT[1:]:
        path = tmp_path / block.name
        path.write_text(merged(path.read_text("utf-8"), block.text), "utf-8")
        assert findings(flow.name, {flow.name: flow.read_text("utf-8")}) == []
        tested = run_flows([flow])
        assert tested[0].held(coverage=False), as_text(tested, coverage=False)
    assert tested[0].held(coverage=True), as_text(tested, coverage=True)
    assert as_text(tested, coverage=True).splitlines()[-1] in PAGE


@pytest.mark.parametrize("name", [name for name in REST if name.count(".") == 1])
def test_whole_flows_have_no_findings(name: str) -> None:
    assert findings(name, REST) == []


def test_flow_tests_hold(tmp_path: Path) -> None:
    for name, text in REST.items():
        (tmp_path / name).write_text(text, "utf-8")
    ran = run_flows([tmp_path / name for name in REST if name.count(".") == 1])
    assert [one.name for one in ran] == ["workshop"]
    assert ran[0].results
    assert ran[0].held(coverage=True), as_text(ran, coverage=True)


@pytest.mark.parametrize("block", PARTS, ids=lambda block: block.text.split("\n")[0].strip())
def test_parts_of_flows_can_be_used(block: Block) -> None:
    text = block.text if block.name == "flow" else f"{block.name}:\n" + re.sub("(?m)^", "  ", block.text)
    known = yaml.safe_load(merged(FRAME, text))["nodes"]
    start = {"nodes": {"frame": {"branch": [*_ways(known), {"goto": "main_menu"}]}}}
    flow = merged(FRAME, text, yaml.safe_dump(start))
    faults = lint("frame.yaml", {**REST, "frame.yaml": flow, "facts/shop.md": "- We repair bicycles."})
    assert [str(one) for one in faults if one.code not in OF_THE_FRAME] == []


def _ways(nodes: dict[str, Any]) -> Iterator[dict[str, str]]:
    """To every node, so that nothing is out of reach."""
    return ({"if": f"bikes == {number}", "goto": name} for number, name in enumerate(nodes))

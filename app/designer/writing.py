"""`callrelay flow new` and `flow migrate`: files that are written or rewritten."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from app.designer.showing import schema_text
from app.errors import RelayError
from app.flow.loading import FORMAT

_NAME: Final = re.compile(r"[^\W\d]\w{0,63}")
FLOW: Final = """\
# yaml-language-server: $schema=./flow.schema.json
flow: {name}
format: 1
languages: [en]
start: greet

intents:
  hours: {{phrases: ["[your] [opening] hours", "when are you open"]}}
  done:  {{phrases: [goodbye, "that's all", "no thanks"]}}

nodes:
  greet:
    say: Hello, thanks for calling.
    next: main_menu
  main_menu:
    menu: Would you like our opening hours, or is that all?
    again: For our opening hours, press 1. To end the call, press 2.
    choices:
      - {{intent: hours, press: 1, goto: hours}}
      - {{intent: done, press: 2, goto: goodbye}}
  hours:
    say: We are open Monday to Friday, from nine to five.
    next: main_menu
  goodbye:
    hangup: Goodbye.
"""
TESTS: Final = """\
flow: {name}
now: 2026-11-13T10:00:00-05:00
tests:
  - name: tells the hours, and ends
    steps:
      - bot: {{node: main_menu, contains: opening hours}}
      - caller: when are you open
      - bot: {{node: hours, contains: from nine to five, prepared: true}}
      - caller: that's all
      - bot: {{node: goodbye}}
      - expect: {{ended: true}}
  - name: helps who says nothing
    steps:
      - silence: 1
      - bot: {{node: main_menu, contains: "press 1"}}
"""

# how a file of each older format becomes one of the next
MIGRATIONS: Final[Mapping[int, Callable[[str], str]]] = {}


class CannotWrite(RelayError):
    """A file that is there already, or a name that no flow can have."""


def new_flow(name: str, directory: Path) -> list[Path]:
    """Writes a small flow and its tests, and the schema for editors where it is missing. Raises CannotWrite."""
    if not _NAME.fullmatch(name):
        raise CannotWrite(f'"{name}" is no name; use letters, digits and _, starting with a letter')
    if not directory.is_dir():
        raise CannotWrite(f"there is no directory {directory}; make it, or set FLOWS_DIR")
    files = {directory / f"{name}.yaml": FLOW, directory / f"{name}.test.yaml": TESTS}
    for path in files:
        if path.exists():
            raise CannotWrite(f"{path} is there already; choose another name")
    for path, text in files.items():
        path.write_text(text.format(name=name), "utf-8")
    schema = directory / "flow.schema.json"
    if schema.exists():
        return list(files)
    schema.write_text(schema_text(), "utf-8")
    return [*files, schema]


def migrate(path: Path) -> str:
    """Brings a file to the newest format, and says what was done. Raises CannotWrite."""
    text = path.read_text("utf-8", "replace")
    if "\ufffd" in text:
        raise CannotWrite(f"{path} is not UTF-8; save it as UTF-8")
    found = re.search(r"^format:[ \t]*(\d+)", text, re.MULTILINE)
    if found is None:
        raise CannotWrite(f"{path} names no format; add `format: {FORMAT}`")
    number = before = int(found[1])
    while number in MIGRATIONS:
        text, number = MIGRATIONS[number](text), number + 1
    if number != FORMAT:
        raise CannotWrite(f"{path} has format {before}, this version knows up to {FORMAT}; update callrelay")
    if number == before:
        return f"{path} has format {FORMAT}, the newest; nothing to do"
    path.write_text(text, "utf-8")
    return f"{path} was brought from format {before} to {FORMAT}"

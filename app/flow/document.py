"""YAML as flow files use it, every value with its place.

Scalars follow YAML 1.2 more closely than PyYAML does: only `true`, `false`, `null`, plain integers and plain
floats convert, so that `no`, `9:30`, `012` and `+15550100` stay what the author wrote. Duplicate keys, anchors,
aliases and tags are refused: the first is a mistake, the others are not worth their dangers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from app.errors import FlowError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
NOT_YAML = "not-yaml"

_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_FLOAT = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}([eE][-+]?\d{1,2})?")


# what the parsers say, with libyaml and without, and what that is to who wrote the file
_MISTAKES = (
    (
        "mapping values",
        "a second `: ` in a line, or a line that begins too far to the right; put quotes round a text with `: `, and "
        "begin lines that belong together in the same column",
    ),
    (
        "a block mapping",
        "this does not fit what stands before it; begin lines that belong together in the same column, put quotes "
        "round a whole text, not round a part of it, and close every quote before this",
    ),
    (
        "a block collection",
        "this does not fit the list before it; begin lines that belong together in the same column",
    ),
    (
        "expected ',' or",
        "a bracket is opened before this and not closed; close it, or put quotes round the text",
    ),
    ("unexpected end of stream", "a quote is opened before this and not closed; close it"),
    (
        "expected ':'",
        "a line without `: ` before this; write `key: value`, or put quotes round a text of several lines",
    ),
    ("cannot start any token", "no text can begin with this character; put quotes round it"),
)


class PureLoader(yaml.SafeLoader):
    """For a PyYAML without libyaml. Its own scanner ends a text in { } and [ ] at a `?`; YAML 1.2 (7.3.3) does not."""

    _in_text = False

    def scan_plain(self) -> Any:
        self._in_text = True
        try:
            return super().scan_plain()
        finally:
            self._in_text = False

    def peek(self, index: int = 0) -> str:
        """The character ahead; a `?` within a text is one like any other."""
        character = str(super().peek(index))
        return "_" if self._in_text and character == "?" else character


# libyaml where PyYAML was built with it: the same events, ten times faster
_Loader: Any = getattr(yaml, "CSafeLoader", PureLoader)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; lines and columns count from 1."""

    path: str
    line: int
    column: int

    def fault(self, message: str, code: str = "wrong-value") -> FlowError:
        return FlowError(self.path, self.line, self.column, message, code)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: `value` converted, `text` as it was written."""

    value: str | int | float | bool | None
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    values: tuple[Tree, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, in the file's order; `keys` has the place of each key."""

    values: Mapping[str, Tree]
    keys: Mapping[str, Place]
    place: Place


Tree = Scalar | Items | Fields


class _Stop(Exception):
    """The rest of the file cannot be made sense of."""


def parse(text: str, path: str, faults: list[FlowError]) -> Tree | None:
    """The file's one document, None where there is none. Appends to `faults` whatever is wrong with it."""
    start = Place(path, 1, 1)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        faults.append(start.fault("the file is not valid UTF-8; save it as UTF-8", NOT_YAML))
        return None
    damaged = text.find("\ufffd")
    if damaged >= 0:
        # what stands for bytes that could not be read: callers would hear nothing, or nonsense
        line, column = text.count("\n", 0, damaged) + 1, damaged - text.rfind("\n", 0, damaged)
        faults.append(
            Place(path, line, column).fault("this letter is not UTF-8; save the file as UTF-8", NOT_YAML)
        )
        return None
    if size > MAX_BYTES:
        faults.append(
            start.fault(f"the file has {size} bytes, at most {MAX_BYTES} are read; split the flow", NOT_YAML)
        )
        return None
    try:
        return _Builder(path, faults).document(iter(yaml.parse(text, Loader=_Loader)))
    except yaml.YAMLError as error:
        faults.append(_syntax_fault(error, text, start))
    except _Stop:
        pass
    return None


def _syntax_fault(error: yaml.YAMLError, text: str, start: Place) -> FlowError:
    if isinstance(error, yaml.reader.ReaderError):
        return start.fault(
            f"character {error.position + 1} of the file is not allowed in YAML; remove it", NOT_YAML
        )
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(start.path, mark.line + 1, mark.column + 1) if mark else start
    context, problem = getattr(error, "context", None), getattr(error, "problem", None)
    what = " ".join(filter(None, (context, problem))) or "unreadable"
    before = text.split("\n")[place.line - 1 : place.line]
    at_tab = any(line[place.column - 1 :].startswith("\t") for line in before)
    return place.fault(f"not valid YAML: {_explained(what, at_tab)}", NOT_YAML)


def _explained(problem: str, at_tab: bool) -> str:
    if at_tab:
        return "a tab stands here; begin lines with spaces"
    unknown = f"{problem}; put quotes round texts that contain `: ` or start with a sign"
    return next((told for said, told in _MISTAKES if said in problem), unknown)


class _Builder:
    """Turns the parser's events into a tree, refusing what flow files may not contain."""

    def __init__(self, path: str, faults: list[FlowError]) -> None:
        self._path = path
        self._faults = faults

    def document(self, events: Iterator[Any]) -> Tree | None:
        tree: Tree | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(
                        event, "a second document; a file holds one flow, put the other in its own file"
                    )
                    raise _Stop
                tree = self._tree(next(events), events, 1)
        return tree

    def _tree(self, event: Any, events: Iterator[Any], depth: int) -> Tree:
        place = self._place(event)
        if depth > MAX_DEPTH:
            self._refuse(event, f"nested more than {MAX_DEPTH} levels deep; flatten it")
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"the alias *{event.anchor} is not allowed; write the value out")
            return Scalar(None, "", place)
        if event.anchor is not None:
            self._refuse(event, f"the anchor &{event.anchor} is not allowed; remove it")
        if event.tag is not None:
            self._refuse(event, f"the tag {event.tag} is not allowed; remove it")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(place, events, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._fields(place, events, depth)
        plain = event.implicit[0]
        return Scalar(_converted(event.value) if plain else event.value, event.value, place)

    def _items(self, place: Place, events: Iterator[Any], depth: int) -> Items:
        values = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            values.append(self._tree(event, events, depth + 1))
        return Items(tuple(values), place)

    def _fields(self, place: Place, events: Iterator[Any], depth: int) -> Fields:
        values: dict[str, Tree] = {}
        keys: dict[str, Place] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._tree(event, events, depth + 1)
            value = self._tree(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                self._refuse(event, "a key must be a single word or text")
            elif key.text in keys:
                first = keys[key.text]
                apart = "" if isinstance(value, Scalar) else ", or put what is under it under the first"
                twice = f'"{key.text}" stands here twice, first in line {first.line}'
                self._refuse(event, f"{twice}; remove one{apart}")
            else:
                values[key.text] = value
                keys[key.text] = key.place
        return Fields(values, keys, place)

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._path, mark.line + 1, mark.column + 1)

    def _refuse(self, event: Any, message: str) -> None:
        self._faults.append(self._place(event).fault(message, NOT_YAML))


def _converted(text: str) -> str | int | float | bool | None:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text

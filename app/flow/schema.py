"""A JSON Schema of the flow language, made from the readers themselves: each is shown an empty node and watched.

What a reader asks for, and as what, is what a node may have; the insides of mappings and lists are in NESTED. Editors
check and complete with it (`# yaml-language-server: $schema=./flow.schema.json`); what it cannot say, lint does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from app.flow.document import Fields, Place, Scalar, Tree
from app.flow.draft import Draft
from app.flow.languages import LANGUAGES
from app.flow.model import Settings
from app.flow.nodes import node_readers
from app.flow.prompts import Prompt
from app.flow.section import Section
from app.flow.slots import slot_types

Schema = dict[str, Any]

NOWHERE: Final = Place("", 1, 1)
TEXT: Final[Schema] = {"$ref": "#/$defs/text"}
PROMPT: Final[Schema] = {"$ref": "#/$defs/prompt"}
ROUTE: Final[Schema] = {"$ref": "#/$defs/route"}
LADDER: Final[Schema] = {"$ref": "#/$defs/ladder"}
DURATION: Final[Schema] = {"type": "string", "pattern": r"^\d{1,6}(\.\d{1,3})? ?(ms|s|min|m)$"}
ANYTHING: Final[Schema] = {}


def _object(
    properties: Mapping[str, Schema], required: Sequence[str] = (), others: Schema | bool = False
) -> Schema:
    found: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": others}
    return {**found, "required": list(required)} if required else found


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _names(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


CONDITION: Final = _object({"if": TEXT, "goto": TEXT}, ["goto"])
# what stands inside of a node's mappings and lists, by (verb, key); "" is any verb
NESTED: Final[Mapping[tuple[str, str], Schema]] = {
    ("menu", "choices"): _list(_object({"intent": TEXT, "press": TEXT, "goto": ROUTE}, ["goto"])),
    ("collect", "keypad"): _object(
        {"length": {"type": "integer"}, "max": {"type": "integer"}, "finish": TEXT, "ask": PROMPT}
    ),
    ("collect", "reject"): _list(_object({"if": TEXT, "say": PROMPT}, ["if", "say"])),
    ("set", "set"): _names(ANYTHING),
    ("http", "body"): ANYTHING,
    ("http", "headers"): _names(TEXT),
    ("http", "save"): _names(TEXT),
    ("http", "prefetch"): {"enum": ["call_start", True, False]},
    ("call", "with"): _names(TEXT),
    ("call", "outcomes"): _names(ROUTE),
    ("llm", "outcomes"): _names(ROUTE),
    ("llm", "tools"): _names({"type": "object"}),
    ("", "clear"): _list(TEXT),
    ("", "change"): _list(TEXT),
    ("", "never"): _list(TEXT),
    ("", "max_attempts"): {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 20}, {"const": "unlimited"}]
    },
}


class _Watched(Section):
    """Notes what is asked for; the most telling question about a key wins."""

    def __init__(self, verb: str) -> None:
        super().__init__(
            Fields({verb: Scalar("GET x", "GET x", NOWHERE)}, {verb: NOWHERE}, NOWHERE), 'node "node"', []
        )
        self.noted: dict[str, Schema] = {}

    def note(self, key: str, schema: Schema) -> None:
        if schema or key not in self.noted:
            self.noted[key] = schema

    def tree(self, key: str) -> Tree | None:
        self.note(key, ANYTHING)
        return super().tree(key)

    def text(self, key: str) -> str | None:
        found = super().text(key)
        self.note(key, TEXT)
        return found

    def flag(self, key: str, default: bool = False) -> bool:
        found = super().flag(key, default)
        self.note(key, {"type": "boolean"})
        return found

    def integer(self, key: str, least: int, most: int) -> int | None:
        found = super().integer(key, least, most)
        self.note(key, {"type": "integer", "minimum": least, "maximum": most})
        return found

    def number(self, key: str, least: float, most: float) -> float | None:
        found = super().number(key, least, most)
        self.note(key, {"type": "number", "minimum": least, "maximum": most})
        return found

    def duration_ms(self, key: str) -> int | None:
        found = super().duration_ms(key)
        self.note(key, DURATION)
        return found

    def choice(self, key: str, allowed: Sequence[str]) -> str | None:
        found = super().choice(key, allowed)
        self.note(key, {"enum": list(allowed)})
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        found = super().texts(key)
        self.note(key, _list(TEXT))
        return found


class _Watcher(Draft):
    """Knows which texts are prompts, and which names are ways out."""

    def prompt(self, section: Section, key: str, name: str) -> Prompt | None:
        found = super().prompt(section, key, name)
        _note(section, key, PROMPT)
        return found

    def target(self, section: Section, key: str) -> str | None:
        found = super().target(section, key)
        _note(section, key, ROUTE)
        return found

    def settings(self, section: Section, prefix: str, base: Settings) -> Settings:
        found = super().settings(section, prefix, base)
        for key in ("no_input", "no_match"):
            _note(section, key, LADDER)
        return found


def _note(section: Section, key: str, schema: Schema) -> None:
    if isinstance(section, _Watched):
        section.note(key, schema)


def _watcher() -> _Watcher:
    return _Watcher(faults=[], languages=("en",), overlays=[], environment={})


def _watch(key: str, read: Callable[[_Watched, _Watcher], object]) -> dict[str, Schema]:
    section = _Watched(key)
    read(section, _watcher())
    return section.noted


def _node(verb: str, settings: Settings) -> Schema:
    reader = node_readers()[verb]
    noted = _watch(verb, lambda section, draft: reader("node", section, draft, settings))
    found = {key: NESTED.get((verb, key), NESTED.get(("", key), schema)) for key, schema in noted.items()}
    return _object(dict(sorted(found.items())), [verb])


def _slot(kind: str) -> Schema:
    noted = _watch("type", slot_types()[kind].read)
    return _object({**noted, "type": {"const": kind}, "sensitive": {"type": "boolean"}}, ["type"])


def flow_schema(settings: Settings) -> Schema:
    """The schema of `NAME.yaml`; `settings` are those of a flow that says nothing."""
    defaults = _watch("defaults", lambda section, draft: draft.settings(section, "defaults", settings))
    defaults = {key: NESTED.get(("", key), schema) for key, schema in defaults.items()}
    intent = _object({"phrases": _list(TEXT), "examples": _list(TEXT), "meaning": TEXT})
    everywhere = _object(
        {"press": TEXT, "goto": TEXT, "then": {"const": "repeat"}, "say": PROMPT, "set": _names(ANYTHING)}
    )
    slots = [_slot(kind) for kind in sorted(slot_types())]
    properties: dict[str, Schema] = {
        "flow": TEXT,
        "format": {"const": 1},
        "languages": _list({"enum": sorted(LANGUAGES)}),
        "start": TEXT,
        "hours": _names(_object({"open": TEXT, "timezone": TEXT, "country": TEXT}, ["open", "timezone"])),
        "defaults": _object(dict(sorted(defaults.items()))),
        "slots": _names({"anyOf": slots}),
        "intents": _names(intent),
        "globals": _names(everywhere),
        "nodes": _names({"anyOf": [_node(verb, settings) for verb in sorted(node_readers())]}),
        "voices": _names(TEXT),
        "numbers": _list(TEXT),
        "renamed": _names(TEXT),
        "inputs": _names({"anyOf": [{"enum": sorted(slot_types())}, *slots]}),
        "outcomes": _list(TEXT),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A callrelay flow",
        **_object(properties, ["flow", "format", "languages", "start", "nodes"]),
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Schema]:
    text = {"type": ["string", "number", "boolean"]}
    recording = _object({"audio": TEXT, "text": TEXT}, ["audio", "text"])
    line: Schema = {"anyOf": [TEXT, recording]}
    step = _object({"goto": TEXT, "say": PROMPT}, ["goto"])
    return {
        "text": text,
        "prompt": {
            "anyOf": [
                line,
                _object({"one_of": _list(line)}, ["one_of"]),
                _object({"sequence": _list(line)}, ["sequence"]),
            ]
        },
        "route": {"anyOf": [{"type": "string"}, _list(CONDITION)]},
        "ladder": _list({"anyOf": [PROMPT, step]}),
    }

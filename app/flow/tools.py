"""Tools of a model: http operations that the flow declares, which the model can ask for and no more.

Address, method and headers are the flow's; the model gives arguments, which are held against their JSON Schema (draft
2020-12) first. `requires` are slots that must be filled, `requires_confirmation` asks the caller first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema

from app.flow.document import Fields, Items, Scalar, Tree
from app.flow.draft import Draft, built_in_prompt
from app.flow.inputs import ServiceAnswered, ServiceFailed, ToolUse
from app.flow.prompts import Prompt
from app.flow.requests import RequestTemplate, read_request, read_timeout_ms
from app.flow.section import Section
from app.flow.turn import Turn
from app.flow.values import Json, as_text

MAX_RESULT: Final = 4000
CONFIRMATION: Final = built_in_prompt("shall_i")

__all__ = ["Tool", "ToolUse", "read_tools", "result_text"]


@dataclass(frozen=True, slots=True)
class Tool:
    """`arguments` is a JSON Schema of type object; `confirmation` is what the caller is asked first."""

    name: str
    description: str
    arguments: Mapping[str, Any]
    request: RequestTemplate
    timeout_ms: int
    requires: tuple[str, ...] = ()
    confirmation: Prompt | None = None
    _validator: Any = field(default=None, repr=False, compare=False)

    def refusal(self, turn: Turn, arguments: Mapping[str, Json]) -> str:
        """Why it cannot be used like this, in words for the model; empty when it can."""
        missing = [name for name in self.requires if turn.state.slots.get(name) is None]
        if missing:
            return f"not possible before this is known: {', '.join(missing)}"
        error = next(iter(self._validator.iter_errors(dict(arguments))), None)
        return f"these arguments do not fit: {error.message}" if error else ""


def result_text(answer: ServiceAnswered | ServiceFailed) -> str:
    """What a model gets to know of a service's answer."""
    if isinstance(answer, ServiceFailed):
        return f"the service did not answer: {answer.reason}"
    if not 200 <= answer.status < 300:
        return f"the service refused: status {answer.status}"
    return as_text(answer.json)[:MAX_RESULT] if answer.readable else "done"


def read_tools(section: Section, draft: Draft, node: str) -> dict[str, Tool]:
    inner = section.section("tools", f"tools of {section.what}")
    if inner is None:
        return {}
    found = {name: _read(name, one, draft, node) for name, one in inner.sections("tool {}")}
    inner.finish()
    return found


def _read(name: str, section: Section, draft: Draft, node: str) -> Tool:
    description = section.text("description")
    if description is None:
        section.missing("description", "looks up an order by its number")
    schema = _schema(section)
    properties = schema.get("properties", {})
    tool = Tool(
        name=name,
        description=description or "",
        arguments=schema,
        request=read_request(section, draft, properties if isinstance(properties, dict) else ()),
        timeout_ms=read_timeout_ms(section),
        requires=_requires(section, draft),
        confirmation=_confirmation(section, draft, f"{node}.{name}.requires_confirmation"),
        _validator=jsonschema.Draft202012Validator(schema),
    )
    section.finish()
    return tool


def _schema(section: Section) -> dict[str, Any]:
    tree = section.tree("arguments")
    schema = {"type": "object", "properties": {}} if tree is None else plain(tree)
    problem = ""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        problem = "they are a JSON Schema of `type: object`"
    elif "$ref" in as_text(schema):
        problem = "a $ref leads elsewhere; write it out"
    else:
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            problem = error.message
    if not problem:
        return dict(schema) if isinstance(schema, dict) else {}
    section.fault(section.place_of("arguments"), f"arguments of {section.what} cannot be used: {problem}")
    return {"type": "object"}


def plain(tree: Tree) -> Json:
    """A tree as JSON."""
    match tree:
        case Fields(values=values):
            return {key: plain(one) for key, one in values.items()}
        case Items(values=entries):
            return [plain(one) for one in entries]
        case Scalar(value=value):
            return value


def _requires(section: Section, draft: Draft) -> tuple[str, ...]:
    names: Sequence[tuple[str | None, Tree]] = [
        (section.as_text(tree, "requires"), tree) for tree in section.items("requires")
    ]
    return tuple(name for name, tree in names if name and draft.known_slot(name, tree.place))


def _confirmation(section: Section, draft: Draft, key: str) -> Prompt | None:
    """`true` asks in the language's own words, a text in these."""
    tree = section.fields.values.get("requires_confirmation")
    if isinstance(tree, Scalar) and isinstance(tree.value, bool):
        return CONFIRMATION if section.flag("requires_confirmation") else None
    return draft.prompt(section, "requires_confirmation", key)

"""Assignments: what `set` nodes and globals write into slots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, time

from app.flow.document import Items, Place, Scalar, Tree
from app.flow.draft import Draft
from app.flow.expressions import Expression
from app.flow.model import Slot
from app.flow.section import Section, suggestion
from app.flow.templates import Template
from app.flow.turn import Turn
from app.flow.values import Json


@dataclass(frozen=True, slots=True)
class Assignment:
    """`source` is a value as it is, a text with holes, or an expression; the slot `language` is the call's own."""

    slot: str
    source: Json | Template | Expression

    @property
    def names(self) -> frozenset[str]:
        """What the value is made of."""
        return self.source.names if isinstance(self.source, Template | Expression) else frozenset()

    def carry_out(self, turn: Turn) -> None:
        value = self._value(turn)
        if self.slot == "language":
            turn.state = replace(turn.state, language=str(value))
        else:
            turn.fill(self.slot, value)

    def _value(self, turn: Turn) -> Json:
        if isinstance(self.source, Template):
            return turn.render(self.source)
        if isinstance(self.source, Expression):
            return as_json(self.source.evaluate(turn))
        return self.source


def as_json(value: object) -> Json:
    """A value as slots keep it: dates and times as ISO 8601 text."""
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return value if isinstance(value, str | int | float | bool) else None


def read_assignments(section: Section, draft: Draft, key: str) -> tuple[Assignment, ...]:
    """A mapping of slots to values: a text for slots that hold texts (with holes, if wanted), a list for a list slot,
    for any other an expression; null empties the slot.
    """
    inner = section.section(key, f"{key} of {section.what}")
    if inner is None:
        return ()
    found = []
    for name, place in inner.fields.keys.items():
        tree = inner.tree(name)
        assert tree is not None
        assignment = (
            _language(inner, draft, tree)
            if name == "language"
            else _assignment(inner, draft, name, tree, place)
        )
        if assignment is not None:
            found.append(assignment)
    return tuple(found)


def _language(section: Section, draft: Draft, tree: Tree) -> Assignment | None:
    code = section.as_text(tree, "language")
    if code in draft.languages:
        return Assignment("language", code)
    section.fault(tree.place, f'the flow does not speak "{code}"; {suggestion(code or "", draft.languages)}')
    return None


def _assignment(section: Section, draft: Draft, name: str, tree: Tree, place: Place) -> Assignment | None:
    slot = draft.known_slot(name, place)
    if slot is None:
        return None
    if isinstance(tree, Scalar) and tree.value is None:
        return Assignment(name, None)
    if isinstance(tree, Items) and slot.type.expression_type == "list":
        texts = (section.as_text(one, name) for one in tree.values)
        return Assignment(name, [text for text in texts if text is not None])
    text = section.as_text(tree, name)
    if text is None:
        return None
    if slot.type.expression_type == "text":
        template = draft.template(text, tree.place)
        return Assignment(name, text if template.static else template)
    return _computed(slot, text, draft, tree.place)


def _computed(slot: Slot, text: str, draft: Draft, place: Place) -> Assignment | None:
    expression = draft.expression(text, place)
    if expression is None:
        return None
    wanted = slot.type.expression_type
    if expression.type != wanted:
        draft.fault(
            place,
            f'"{text}" is a {expression.type}, the slot "{slot.name}" holds a {wanted}; correct one of them',
            "type-mismatch",
        )
    return Assignment(slot.name, expression)

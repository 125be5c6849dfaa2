"""`call`: run another flow with values of this one, and go on by its outcome.

The subflow has slots and words of its own; what the calling flow hears everywhere (its globals) is heard there too.
A caller whom the subflow cannot help leaves it by its own ladder, else by `failed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.flow.assignments import as_json
from app.flow.draft import Draft
from app.flow.expressions import Expression
from app.flow.inputs import Input
from app.flow.model import Flow, Node, Settings
from app.flow.nodes import node_type
from app.flow.routes import Route, read_route, required_route
from app.flow.section import Section, suggestion
from app.flow.turn import Turn


@dataclass(frozen=True, slots=True)
class Call:
    """`inputs` are the subflow's slots, each with what is handed in."""

    name: str
    start: str
    inputs: Mapping[str, Expression]
    outcomes: Mapping[str, Route]
    failed: Route

    @property
    def routes(self) -> Mapping[str, Route]:
        return {**self.outcomes, "failed": self.failed}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {}

    def enter(self, turn: Turn) -> str | None:
        given = {slot: as_json(one.evaluate(turn)) for slot, one in self.inputs.items()}
        state = turn.state
        frame = {"node": self.name, "slots": dict(state.slots), "returning": state.returning}
        turn.state = replace(state, slots=given, returning=None, stack=[*state.stack, frame])
        return self.start

    def resume(self, turn: Turn) -> str | None:
        return self.enter(turn)

    def take(self, turn: Turn, given: Input) -> str | None:
        return None


@node_type("call")
def read_call(name: str, section: Section, draft: Draft, defaults: Settings) -> Node | None:
    wanted = section.text("call")
    subflow = None if wanted is None else draft.subflow(wanted, section.fields.values["call"].place)
    inputs = _inputs(section, draft, subflow)
    outcomes = _outcomes(section, draft, subflow)
    failed = required_route(section, draft, "failed")
    if subflow is None:
        return None
    return Call(name, subflow.start, inputs, outcomes, failed)


def _inputs(section: Section, draft: Draft, subflow: Flow | None) -> dict[str, Expression]:
    given = section.section("with", f"with of {section.what}")
    found: dict[str, Expression] = {}
    for name, place in given.fields.keys.items() if given else ():
        assert given
        text = given.text(name)
        expression = None if text is None else draft.expression(text, given.fields.values[name].place)
        if subflow is None or expression is None:
            continue
        slot = subflow.inputs.get(name)
        if slot is None:
            section.fault(
                place, f'"{subflow.name}" has no input "{name}"; {suggestion(name, subflow.inputs)}'
            )
        elif expression.type != slot.type.expression_type:
            kinds = f"is a {expression.type}, the input holds a {slot.type.expression_type}"
            section.fault(place, f'"{text}" {kinds}; correct one of them', "type-mismatch")
        elif not slot.sensitive and any(draft.is_sensitive(one) for one in expression.names):
            section.fault(
                place,
                f'"{text}" is sensitive; declare the input as {{…, sensitive: true}} there',
                "sensitive-in-log",
            )
        else:
            found[name] = expression
    for name in sorted(set(subflow.inputs) - set(given.fields.values if given else ())) if subflow else ():
        section.fault(section.place, f'{section.what} must give the input "{name}"; add it to with')
    return found


def _outcomes(section: Section, draft: Draft, subflow: Flow | None) -> dict[str, Route]:
    given = section.section("outcomes", f"outcomes of {section.what}")
    found: dict[str, Route] = {}
    for name, place in given.fields.keys.items() if given else ():
        assert given
        route = read_route(given, draft, name)
        if route is not None:
            found[name] = route
        if subflow is not None and name not in subflow.outcomes:
            known = suggestion(name, subflow.outcomes)
            section.fault(place, f'"{subflow.name}" has no outcome "{name}"; {known}', "undeclared-outcome")
    for name in (one for one in subflow.outcomes if one not in found) if subflow else ():
        if not given or name not in given:
            section.fault(
                section.place_of("outcomes"),
                f'the outcome "{name}" leads nowhere; add it to outcomes',
                "undeclared-outcome",
            )
    return found

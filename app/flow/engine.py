"""The flow engine: `begin` and `step`, pure functions from a state and an input to a state and effects.

Silent nodes and `say` nodes are walked through until something waits. A transition is atomic: whoever wants to take
one back keeps the old state. Nothing here reads a clock; inputs bring the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, cast

from app.flow.effects import Effect, Event, NodeEntered, Understood
from app.flow.failing import GIVE_UP
from app.flow.inputs import Heard, Input, Outcome, Pressed
from app.flow.model import Flow, Node
from app.flow.nodes.call import Call
from app.flow.question import Question
from app.flow.state import Context, State
from app.flow.turn import Turn
from app.flow.values import Json

# more silent nodes than any sane flow has in a row
MAX_WALKED: Final = 100
# a service or a model that was waited for counts as so many
WAITED: Final = 4

Step = tuple[State, tuple[Effect, ...]]


def begin(flow: Flow, context: Context) -> Step:
    """Answer the phone."""
    language = context.language if context.language in flow.languages else flow.languages[0]
    state = State(
        flow=flow.name,
        version=flow.version,
        language=language,
        node=flow.start,
        caller=context.caller,
        called=context.called,
        seed=context.seed,
    )
    turn = Turn(flow, state, context.now)
    _walk(turn, flow.start)
    return turn.state, tuple(turn.effects)


def step(flow: Flow, state: State, given: Input) -> Step:
    """What follows from an input. No effects: it means nothing where the call stands."""
    if state.ended:
        return state, ()
    habit = state.finished_by_length and isinstance(given, Pressed)
    # a circle through services is one, however long they take
    walked = state.walked + WAITED if isinstance(given, Outcome) else 0
    node = flow.part(state.node).nodes[state.node]
    words = _words(node, state, given)
    turn = Turn(flow, replace(state, walked=walked, finished_by_length=habit, words=words), given.now)
    target = node.take(turn, given)
    if target is not None:
        _walk(turn, target)
    return turn.state, tuple(turn.effects)


def understood(outcome: Step) -> bool:
    """Whether the words of a step alone were enough, so that nobody need look for their meaning."""
    after, effects = outcome
    guessed = (after.pending or {}).get("rung") == "guess" or any(
        isinstance(one, Understood) and one.rung == "guess" for one in effects
    )
    return not guessed and after.phase != "understanding" and Event("no_match") not in effects


def resume(flow: Flow, state: State, now: datetime) -> Step:
    """Take up a call whose line was lost: its question is put again, half-typed keys are forgotten.

    A flow that has changed under the call and lost the node begins anew, with what the caller has said so far.
    """
    turn = Turn(flow, replace(state, walked=0, keys=""), now)
    if state.ended:
        turn.hang_up("ended")
    elif all(flow.has_node(node) for node in (state.node, *(frame["node"] for frame in state.stack))):
        _walk(turn, turn.flow.nodes[state.node].resume(turn))
    else:
        turn.state = replace(turn.state, node=flow.start, slots=_outermost(state), stack=[])
        _walk(turn, flow.start)
    return turn.state, tuple(turn.effects)


def _words(node: Node, state: State, given: Input) -> str:
    """What a model that is asked next is told. Keys have no words, and sensitive ones are nobody's."""
    if isinstance(given, Heard):
        return "" if isinstance(node, Question) and node.sensitive else given.text
    return "" if isinstance(given, Pressed) else state.words


def _walk(turn: Turn, target: str | None) -> None:
    while target is not None:
        if turn.state.walked >= MAX_WALKED:
            _break_out(turn)
            return
        _leave_subflows(turn, target)
        node = turn.root.part(target).nodes[target]
        turn.state = replace(
            turn.state,
            node=target,
            phase="asking",
            pending=None,
            no_inputs=0,
            no_matches=0,
            rejections=0,
            walked=turn.state.walked + 1,
        )
        turn.emit(NodeEntered(target, turn.via))
        turn.via = None
        target = node.enter(turn)


def _leave_subflows(turn: Turn, target: str) -> None:
    """A node of a calling flow: those in between are left, their values forgotten."""
    flow = turn.root.part(target)
    while turn.state.stack and _innermost(turn) is not flow:
        turn.leave_subflow()


def _innermost(turn: Turn) -> Flow:
    """The flow that the last call node called."""
    node = turn.state.stack[-1]["node"]
    call = cast(Call, turn.root.part(node).nodes[node])
    return turn.root.part(call.start)


def _outermost(state: State) -> Mapping[str, Json]:
    return state.stack[0]["slots"] if state.stack else state.slots


def _break_out(turn: Turn) -> None:
    """The flow goes in circles without the caller: better an apology than silence for ever."""
    turn.emit(Event("endless_loop"))
    turn.say(GIVE_UP, turn.flow.settings)
    turn.hang_up("endless_loop")

"""When an answer is missing, not understood or refused: the ladder, and the way out at its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from app.flow.asking import pose
from app.flow.draft import built_in_prompt
from app.flow.effects import Event
from app.flow.prompts import Ladder, Prompt
from app.flow.turn import Turn

if TYPE_CHECKING:
    from app.flow.question import Question

# a caller who was not understood this often in a row, wherever, is led out of the flow
MAX_FAILURES: Final = 12
Failure = Literal["no_input", "no_match"]
GIVE_UP: Final = built_in_prompt("give_up")


def fail(turn: Turn, node: Question, kind: Failure, *, silent: bool = False) -> str | None:
    """Silence or misunderstanding: the ladder's next rung and the question again, or the way out."""
    state = turn.state
    turn.emit(Event(kind))
    if kind == "no_input":
        state = replace(state, no_inputs=state.no_inputs + 1)
        ladder, count = node.settings.no_input, state.no_inputs
    else:
        state = replace(state, no_matches=state.no_matches + 1)
        ladder, count = node.settings.no_match, state.no_matches
    turn.state = replace(state, failures=state.failures + 1)
    rung = ladder.rung(count)
    if exhausted(turn, node) or (rung and rung.goto):
        return leave(turn, node, ladder, rung.prompt if rung and rung.goto else None)
    if rung and rung.prompt and not silent:
        turn.say(rung.prompt, node.settings)
    pose(turn, node, *node.repeat(turn.scene))
    return None


def greeted(turn: Turn, node: Question) -> str | None:
    """ "Hello?" is no misunderstanding: the question again. Who says nothing else is led out in the end."""
    turn.log("greeted")
    turn.state = replace(turn.state, failures=turn.state.failures + 1)
    if exhausted(turn, node):
        return leave(turn, node, node.settings.no_match, None)
    pose(turn, node, node.ask)
    return None


def reject(turn: Turn, node: Question, prompt: Prompt) -> str | None:
    """A value was understood and will not do: say why, and ask again."""
    turn.emit(Event("rejected"))
    turn.state = replace(turn.state, rejections=turn.state.rejections + 1, failures=turn.state.failures + 1)
    if exhausted(turn, node):
        return leave(turn, node, node.settings.no_match, prompt)
    turn.say(prompt, node.settings)
    pose(turn, node, *node.repeat(turn.scene))
    return None


def exhausted(turn: Turn, node: Question) -> bool:
    """Whether the node has failed as often as it may."""
    state, most = turn.state, node.settings.max_attempts
    return most is not None and (
        state.no_inputs + state.no_matches + state.rejections >= most or state.failures >= MAX_FAILURES
    )


def leave(turn: Turn, node: Question, ladder: Ladder, prompt: Prompt | None) -> str | None:
    """The ladder's way out, else the flow's person, else the calling flow's `failed`, else an apology and the end."""
    if prompt is not None:
        turn.say(prompt, node.settings)
    target = ladder.way_out or turn.flow.way_out
    if target and target.goto != node.name and turn.state.failures <= MAX_FAILURES:
        turn.via = target.place
        return target.goto
    if target is None and turn.state.stack and turn.state.failures <= MAX_FAILURES:
        return turn.leave_subflow().failed.choose(turn)
    turn.say(GIVE_UP, node.settings)
    turn.hang_up("gave_up")
    return None

"""Running the tests of a flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.flow.document import Place
from app.flow.model import Flow
from app.flow.rehearsal.answers import CannotGoOn
from app.flow.rehearsal.call import Rehearsal
from app.flow.rehearsal.checks import check_bot, check_call
from app.flow.rehearsal.script import (
    Bot,
    Expect,
    IsSilent,
    Judge,
    Presses,
    Rehearsed,
    Says,
    Step,
    TransferEnds,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What did not hold, at the step that says so."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place.path}:{self.place.line}:{self.place.column} {self.message}"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the caller said aloud at a step, and what was understood of it, utterance by utterance."""

    place: Place
    said: str
    heard: tuple[str, ...]


@dataclass(slots=True)
class Result:
    """How a test went. `steps` counts the engine's; `skipped` are the questions that nobody could judge; `visited` and
    `taken` are the nodes and the places of the transitions that it came by. Of one that was to be spoken, `heard` is
    what came of the words; `left_out` says why it was not.
    """

    test: Rehearsed
    failures: list[Failure] = field(default_factory=list)
    skipped: list[Judge] = field(default_factory=list)
    steps: int = 0
    visited: set[str] = field(default_factory=set)
    taken: set[Place] = field(default_factory=set)
    heard: list[Heard] = field(default_factory=list)
    left_out: str = ""

    @property
    def held(self) -> bool:
        return not self.failures


def run_test(flow: Flow, test: Rehearsed, seed: int = 0) -> Result:
    """Play one test to its end, or to the first step that does not hold."""
    result = Result(test)
    flow = flow.configured(test.environment)
    try:
        call = Rehearsal(flow, test.mocks, test.now, caller=test.caller, language=test.language, seed=seed)
    except CannotGoOn as error:
        result.failures.append(Failure(test.place, str(error)))
        return result
    for step in test.steps:
        result.failures += [Failure(step.place, message) for message in _play(call, step, result)]
        if result.failures:
            break
    result.steps, result.visited, result.taken = call.steps, call.visited, call.taken
    return result


def _play(call: Rehearsal, step: Step, result: Result) -> Iterator[str]:
    if isinstance(step, Bot):
        yield from check_bot(call, step)
    elif isinstance(step, Expect):
        yield from check_call(call, step)
    elif isinstance(step, Judge):
        result.skipped.append(step)
    else:
        try:
            yield from _act(call, step)
        except CannotGoOn as error:
            yield str(error)


def _act(call: Rehearsal, step: Says | Presses | IsSilent | TransferEnds) -> Iterator[str]:
    during = step.during if isinstance(step, Says | Presses) else None
    if during not in (None, call.state.node, *call.entered):
        yield f'the call is at "{call.state.node}", not at "{during}"'
        return
    match step:
        case Says():
            call.say(step.text, step.confidence, step.after_ms)
        case Presses():
            call.press(step.keys)
        case IsSilent():
            for _ in range(step.times):
                call.be_silent()
        case TransferEnds():
            call.end_transfer(step.outcome)

"""Every node type keeps the contract, and does what its golden conversation says.

A golden file has a flow, others that it calls after `--- FILE`, `===`, and then a conversation: `>` said by the caller,
`#` pressed, `~` something else that happens, `=` what a service answers (a status and JSON) or why it does not, `*`
what a model says, uses or fails in, `<` everything the step said, `!` an event logged so far, `@` the node where the
call stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.flow import load, resume, step
from app.flow.effects import AskModel, CallService, HangUp, Listen, Record, Say, Transfer
from app.flow.inputs import NoInput, ToolUse
from app.flow.nodes import node_readers
from tests.flow.caller import Caller

ENDINGS = Listen | AskModel | CallService | Transfer | Record | HangUp
GOLDEN = Path(__file__).parent / "data" / "nodes"
HAPPENINGS: dict[str, Callable[[Caller], Caller]] = {
    "silence": lambda caller: caller.silent(),
    "pause": lambda caller: caller.pause(),
    "recorded": lambda caller: caller.recorded(4.5),
    "nothing": lambda caller: caller.recorded(0),
    "no_answer": lambda caller: caller.transfer_ends("no_answer"),
    "busy": lambda caller: caller.transfer_ends("busy"),
    "failed": lambda caller: caller.transfer_ends("failed"),
    "completed": lambda caller: caller.transfer_ends("completed"),
}


@pytest.mark.parametrize("verb", sorted(node_readers()))
def test_golden_conversation(verb: str) -> None:
    text, _, script = (GOLDEN / f"{verb}.txt").read_text("utf-8").partition("\n===\n")
    text, *others = re.split(r"^--- (\S+)\n", text, flags=re.MULTILINE)
    files = dict(zip(others[::2], others[1::2], strict=True))
    flow = load(text, f"{verb}.yaml", files=files)
    assert any(verb in one for one in (text, *files.values()))
    caller = Caller(flow)
    begun = 0
    for line in script.splitlines():
        if line[0] in ">#~=*":
            begun = len(caller.log)
        mark, _, rest = line.partition(" ")
        match mark:
            case ">":
                caller.say(rest)
            case "#":
                caller.press(rest)
            case "~":
                HAPPENINGS[rest](caller)
            case "*":
                reply(caller, rest)
            case "=":
                serve(caller, rest)
            case "<":
                assert " ".join(one.text for one in caller.log[begun:] if isinstance(one, Say)) == rest
            case "!":
                assert rest in caller.events
            case "@":
                assert caller.node == rest
            case _:
                raise AssertionError(f"what is {line!r}?")
        keeps_contract(caller)


def serve(caller: Caller, answer: str) -> None:
    status, _, content = answer.partition(" ")
    if status.isdecimal():
        caller.answered(int(status), json.loads(content or "null"), readable=bool(content))
    else:
        caller.unanswered(answer)


def reply(caller: Caller, does: str) -> None:
    kind, _, rest = does.partition(" ")
    if kind == "says":
        text, _, outcome = rest.partition(" | ")
        caller.model_says(text, outcome or None)
    elif kind == "uses":
        tool, _, arguments = rest.partition(" ")
        caller.model_says(tool=ToolUse("call-1", tool, json.loads(arguments)))
    else:
        caller.model_fails()


def keeps_contract(caller: Caller) -> None:
    """One thing is awaited at most, and a lost line can always be taken up again."""
    ends = [one for one in caller.effects if isinstance(one, ENDINGS)]
    assert len(ends) <= 1
    assert not ends or caller.effects[-1] is ends[0]
    state, effects = resume(caller.flow, caller.state, caller.now)
    if caller.state.phase != "calling":  # what may have been sent is not sent again
        assert state.node == caller.node
    assert isinstance(effects[-1], ENDINGS)
    for flow in (caller.flow, *caller.flow.subflows.values()):
        for name, node in flow.nodes.items():
            assert node.name == name
            assert {target for route in node.routes.values() for target in route.targets} <= set(flow.nodes)
            assert set(node.derived) <= set(flow.slots)
    if ends and isinstance(ends[0], HangUp):
        assert caller.state.ended
        assert step(caller.flow, caller.state, NoInput(caller.now)) == (caller.state, ())

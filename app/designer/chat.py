"""`callrelay chat`: a call by hand. Type what the caller says, `#1` for keys, Enter for silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.designer.files import directory_texts, no_such_flow
from app.flow.document import Place
from app.flow.effects import Say
from app.flow.inputs import TransferOutcome
from app.flow.library import build_library
from app.flow.model import Flow
from app.flow.nodes.http import Http
from app.flow.rehearsal.answers import CannotGoOn
from app.flow.rehearsal.call import Rehearsal
from app.flow.rehearsal.script import CALLER, Mock, Mocks, read_script

OUTCOMES: Final[Mapping[str, TransferOutcome]] = {
    "": "no_answer",
    "no_answer": "no_answer",
    "busy": "busy",
    "failed": "failed",
    "completed": "completed",
}
HELP: Final = "Type what you say, #1 for keys, Enter for silence, Ctrl-D to hang up."


@dataclass(frozen=True, slots=True)
class Opened:
    """A flow to talk to, and what its services answer: what its tests have them answer, else nothing."""

    flow: Flow
    mocks: Mocks


def open_flow(path: Path, environment: Mapping[str, str]) -> Opened:
    """Raises NoSuchFlow, InvalidFlow."""
    library = build_library(directory_texts(path.parent), environment)
    if path.stem in library.faults:
        raise library.faults[path.stem]
    if path.stem not in library.flows:
        raise no_such_flow(path)
    flow, tests = library.flows[path.stem], path.with_name(f"{path.stem}.test.yaml")
    parts = (flow, *flow.subflows.values())
    services = [node for part in parts for node in part.nodes.values() if isinstance(node, Http)]
    silent = {node.name: (Mock(Place(str(path), 1, 1), timed_out=True),) for node in services}
    if not tests.is_file():
        return Opened(flow, silent)
    script = read_script(tests.read_text("utf-8", "replace"), str(tests))
    return Opened(flow, {**silent, **(script.tests[0].mocks if script.tests else {})})


@dataclass(slots=True)
class Chat:
    """`show` is given every line for the screen; `turns` is what --json prints."""

    call: Rehearsal
    show: Callable[[str], object]
    turns: list[dict[str, Any]] = field(default_factory=list)
    _slots: Mapping[str, Any] = field(default_factory=dict)

    def hold(self, lines: Iterable[str]) -> None:
        """Until the call ends, or nothing more is typed."""
        self._tell("")
        for line in lines:
            try:
                self._do(line.strip())
            except CannotGoOn as error:
                self.show(f"  ! {error}")
                continue
            self._tell(line.strip())
            if self.call.state.ended:
                self.show("  the call has ended")
                return

    def _do(self, line: str) -> None:
        call = self.call
        if call.state.phase == "transferring":
            call.end_transfer(OUTCOMES.get(line, "failed"))
        elif not line:
            call.be_silent()
        elif line.startswith("#") and len(line) > 1:
            call.press(line[1:])
        elif line == "#":
            call.press("#")
        else:
            call.say(line)

    def _tell(self, typed: str) -> None:
        call, known = self.call, {(one.key, one.text) for one in self.call.predicted}
        for say in call.said:
            mark = "=" if (say.key, say.text) in known else " "
            self.show(f"{mark} {say.node:>16}  {say.text}")
        heard = call.understood
        notes = [f"{heard.rung} {heard.intent} {heard.score:.2f}"] if heard else []
        notes += [f"{name} = {value}" for name, value in self._changed().items()]
        notes.append(f"{sum(_prepared(say, known) for say in call.said)} of {len(call.said)} prepared (=)")
        if call.state.phase == "transferring":
            notes.append("ringing: Enter for no answer, or busy, failed, completed")
        self.show(f"  {'':>16}  [{'; '.join(notes)}]")
        self.turns.append(
            {
                "caller": typed,
                "agent": [say.text for say in call.said],
                "node": call.state.node,
                "rung": heard.rung if heard else None,
                "intent": heard.intent if heard else None,
                "score": heard.score if heard else None,
                "slots": self._shown_slots(),
                "predicted": sorted(text for _, text in known),
            }
        )
        self._slots = dict(call.state.slots)

    def _changed(self) -> dict[str, Any]:
        shown = self._shown_slots()
        return {
            name: value
            for name, value in shown.items()
            if self._slots.get(name) != self.call.state.slots[name]
        }

    def _shown_slots(self) -> dict[str, Any]:
        declared = self.call.flow.part(self.call.state.node).slots
        slots = self.call.state.slots
        return {name: "•••" if declared[name].sensitive else value for name, value in slots.items()}


def _prepared(say: Say, known: set[tuple[str, str]]) -> bool:
    return (say.key, say.text) in known


def chat(
    path: Path,
    environment: Mapping[str, str],
    lines: Iterable[str],
    show: Callable[[str], object],
    now: datetime,
    language: str | None,
) -> str:
    """Hold a call; returns its turns as a JSON document."""
    opened = open_flow(path, environment)
    show(HELP)
    talk = Chat(Rehearsal(opened.flow, opened.mocks, now, caller=CALLER, language=language), show)
    talk.hold(lines)
    return json.dumps({"flow": opened.flow.name, "turns": talk.turns}, ensure_ascii=False, indent=1)

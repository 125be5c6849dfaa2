"""Script files of `callrelay call`: YAML, one step a line, every fault with its place.

    steps:
      - say: I would like an appointment.
      - expect: {node: ask_day, contains: which day, within_ms: 800}
      - audio: recordings/thursday.wav        # beside the script file
      - dtmf: 12#
      - barge_in: {after_ms: 600, say: "stop, please"}
      - silence: 6

Values are taken as they are written, so `say: no` says "no" and `dtmf: 0042` keeps its zeros.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from app.simulator.errors import BadScript
from app.simulator.steps import KEYS, BargeIn, Expect, PlayRecording, Press, Say, StaySilent, Step

MAX_BYTES = 256 * 1024
MAX_SILENCE_S = 600.0
STEP_NAMES = ("say", "audio", "dtmf", "silence", "expect", "barge_in")


@dataclass(frozen=True, slots=True)
class _File:
    """The file being read; makes errors with its name and a node's place."""

    path: Path

    def fault(self, node: yaml.Node, message: str) -> BadScript:
        mark = node.start_mark
        return BadScript(str(self.path), mark.line + 1, mark.column + 1, message)

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self.fault(node, f"{what} needs a value on the same line")
        return str(node.value)

    def number(self, node: yaml.Node, what: str, most: float) -> float:
        text = self.text(node, what)
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= most:
            raise self.fault(node, f"{what} needs a number from 0 to {most:g}, not {text!r}")
        return value

    def fields(self, node: yaml.Node, what: str, known: Iterable[str]) -> dict[str, yaml.Node]:
        """A mapping with known keys, each once."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fault(node, f"{what} needs fields: {', '.join(known)}")
        fields: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self.text(key_node, "a field's name")
            if key not in known:
                raise self.fault(key_node, f"unknown field {key!r} in {what}{_meant(key, known)}")
            if key in fields:
                raise self.fault(key_node, f"{key!r} stands in {what} twice")
            fields[key] = value
        return fields


def load_script(path: Path) -> list[Step]:
    """The steps of a script file. Raises BadScript."""
    file = _File(path)
    root = _compose(path)
    fields = file.fields(root, "the script", ("steps",))
    steps = fields.get("steps")
    if not isinstance(steps, yaml.SequenceNode) or not steps.value:
        raise file.fault(steps or root, "the script needs `steps:`, a list of what the caller does")
    return [_step(file, node) for node in steps.value]


def _compose(path: Path) -> yaml.Node:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise BadScript(str(path), 1, 1, "there is no such script file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadScript(str(path), 1, 1, f"cannot be read: {error}") from None
    if len(text) > MAX_BYTES:
        raise BadScript(str(path), 1, 1, f"is longer than {MAX_BYTES} characters")
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadScript(str(path), line, column, f"no YAML: {error.problem or error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadScript(str(path), 1, 1, f"no YAML: {error}") from None
    if root is None:
        raise BadScript(str(path), 1, 1, "is empty; write `steps:` and a list of what the caller does")
    return root


def _step(file: _File, node: yaml.Node) -> Step:
    if not isinstance(node, yaml.MappingNode) or len(node.value) != 1:
        raise file.fault(node, f"a step is one of {', '.join(STEP_NAMES)}, with its value: `- say: Hello.`")
    fields = file.fields(node, "a step", STEP_NAMES)
    name, value = next(iter(fields.items()))
    return _READERS[name](file, value)


def _say(file: _File, node: yaml.Node) -> Step:
    return Say(file.text(node, "say"))


def _audio(file: _File, node: yaml.Node) -> Step:
    path = file.path.parent / file.text(node, "audio")
    if not path.is_file():
        raise file.fault(node, f"there is no audio file {path}")
    return PlayRecording(path)


def _dtmf(file: _File, node: yaml.Node) -> Step:
    digits = file.text(node, "dtmf")
    if wrong := [digit for digit in digits if digit not in KEYS]:
        raise file.fault(node, f"{wrong[0]!r} is no key; keys are 0-9, A-D, * and #")
    return Press(digits)


def _silence(file: _File, node: yaml.Node) -> Step:
    return StaySilent(file.number(node, "silence", MAX_SILENCE_S))


def _barge_in(file: _File, node: yaml.Node) -> Step:
    fields = file.fields(node, "barge_in", ("after_ms", "say"))
    if len(fields) < 2:
        raise file.fault(node, "barge_in needs `after_ms` and `say`")
    after_ms = file.number(fields["after_ms"], "after_ms", MAX_SILENCE_S * 1000)
    return BargeIn(after_ms, file.text(fields["say"], "say"))


def _expect(file: _File, node: yaml.Node) -> Step:
    fields = file.fields(node, "expect", ("node", "contains", "within_ms"))
    if not fields:
        raise file.fault(node, "expect needs at least one of node, contains, within_ms")
    within = fields.get("within_ms")
    return Expect(
        node=file.text(fields["node"], "node") if "node" in fields else None,
        contains=file.text(fields["contains"], "contains") if "contains" in fields else None,
        within_ms=file.number(within, "within_ms", MAX_SILENCE_S * 1000) if within else None,
        place=f"{file.path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}",
    )


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


_READERS: dict[str, Callable[[_File, yaml.Node], Step]] = {
    "say": _say,
    "audio": _audio,
    "dtmf": _dtmf,
    "silence": _silence,
    "barge_in": _barge_in,
    "expect": _expect,
}

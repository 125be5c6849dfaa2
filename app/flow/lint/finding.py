"""What lint can find: the kinds of findings, and one finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from app.errors import FlowError
from app.flow.document import Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding, as docs/lint.md lists it. An error makes calls go wrong, a warning makes them worse."""

    area: str
    severity: Severity
    meaning: str


def _codes(area: str, severity: Severity, meanings: Mapping[str, str]) -> dict[str, Code]:
    return {name: Code(area, severity, meaning) for name, meaning in meanings.items()}


CODES: Final[Mapping[str, Code]] = {
    **_codes(
        "file",
        "error",
        {
            "not-yaml": "The file is not the YAML that flows are written in, or repeats a key",
            "unknown-key": "A key that means nothing here",
            "missing-key": "A key that is needed here is missing",
            "wrong-value": "A value that cannot stand here",
        },
    ),
    **_codes(
        "graph",
        "error",
        {
            "unknown-target": "Something leads to a node that does not exist",
            "unreachable": "No call can come to this node",
            "dead-end": "From here no call comes to an end or to a person",
            "missing-else": "Conditions without a final else, or with something after it",
            "silent-cycle": "The flow can go in circles without the caller",
            "circular-subflow": "A subflow calls itself, directly or through others",
            "undeclared-outcome": "An outcome that the subflow does not declare, or one that nobody takes care of",
            "unused-outcome": "An outcome that no node ends in",
            "no-end": "The flow can neither hang up nor reach a person",
        },
    ),
    **_codes(
        "data",
        "error",
        {
            "undefined-value": "A name that is no slot and no value",
            "type-mismatch": "An expression that compares or computes what does not fit together",
            "sensitive-in-url": "A sensitive slot in an address, which servers write into their logs",
            "sensitive-in-log": "A sensitive slot copied to where it is logged",
            "sensitive-to-model": "A sensitive slot in what a model is told",
        },
    ),
    **_codes(
        "data",
        "warning",
        {
            "unused": "A slot, an intent or hours that nothing uses",
            "unfilled": "A slot is used where it may be empty",
        },
    ),
    **_codes(
        "voice",
        "warning",
        {
            "no-escalation": "A caller who is not understood hears the same words again and again",
            "too-many-choices": "A menu with more than five choices",
            "long-speech": "More than twenty seconds of speech at once",
            "key-before-goal": "A key is named before what it is for",
            "markup-in-speech": "Markdown, an address or a symbol that cannot be spoken",
            "long-without-barge-in": "A long prompt that the caller cannot interrupt",
        },
    ),
    **_codes(
        "keypad",
        "error",
        {
            "duplicate-key": "Two choices with the same key",
            "key-clash-global": "A choice takes the key of a global",
            "key-prefix": "A key is the beginning of another, so that its caller has to wait",
            "digits-without-end": "Digits are collected, and neither their number nor a finish key is given",
            "key-not-offered": "A key is spoken of that does nothing here",
        },
    ),
    **_codes(
        "language",
        "error",
        {
            "missing-translation": "Words that one of the flow's languages lacks",
            "placeholder-mismatch": "A translation with other placeholders than the original",
            "slot-language": "A slot type that is not understood in one of the flow's languages",
        },
    ),
    **_codes(
        "services",
        "error",
        {
            "no-failure-branch": "A service can fail, and the flow does not say what then",
            "slow-without-waiting": "The caller may hear nothing for more than two seconds",
            "prefetch-changes": "A request that changes something is made before it is known to be wanted",
        },
    ),
    **_codes("yaml", "warning", {"list-for-sentence": "A comma in [ ] has made two texts of one sentence"}),
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something wrong at a place, and the way out."""

    place: Place
    code: str
    message: str
    fix: str

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    def as_json(self) -> dict[str, object]:
        """As `callrelay flow lint --json` prints it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.place.path,
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
            "fix": self.fix,
        }

    def __str__(self) -> str:
        place = self.place
        return f"{place.path}:{place.line}:{place.column} {self.severity} {self.code}: {self.message}; {self.fix}"


def from_fault(fault: FlowError) -> Finding:
    """A fault found while loading; its message ends in the way out."""
    message, _, fix = fault.message.partition("; ")
    return Finding(
        Place(fault.path, fault.line, fault.column), fault.code, message, fix or "correct this value"
    )

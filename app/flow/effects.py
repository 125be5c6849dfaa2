"""What a flow wants done, in this order. The shell carries it out and journals the facts.

A step's effects end in exactly one of Listen, CallService, AskModel, Transfer, Record or HangUp, or hold facts at most
when the input meant nothing where the call stands (the shell then goes on as before). `Say` appends to what is being
spoken: whether a barge-in has cut what came before is the shell's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from app.flow.document import Place
from app.flow.inputs import ToolUse
from app.flow.values import Json

BargeIn = Literal["none", "dtmf", "speech", "any"]
Wording = Literal["static", "templated", "generated"]
Rung = Literal[
    "keypad",
    "choice",
    "slot",
    "global",
    "correction",
    "sound",
    "similarity",
    "guess",
    "model",
    "confirmation",
]


class Grammar(Protocol):
    """What would answer the question: its grammar of completeness."""

    def complete(self, text: str) -> bool | None:
        """True: nothing is missing, answer now. False: more must follow. None: words alone cannot tell."""
        ...

    def begins(self, text: str) -> bool:
        """Whether the words tell that an answer has begun: "my num" does not, though more must follow."""
        ...


@dataclass(frozen=True, slots=True)
class Say:
    """One prompt. `key` is its place in the flow (`greet.say`), for translators, caches and statistics.

    `audio` names a recording to play instead, relative to the flow's directory; `text` is then what it says.
    `wording` tells whether the words are always the same, came from a template, or from a model.
    A `sensitive` text may be spoken and nothing else: never logged, cached or traced.
    """

    text: str
    node: str
    key: str
    language: str
    barge_in: BargeIn = "any"
    min_words: int = 1
    wording: Wording = "static"
    audio: str | None = None
    sensitive: bool = False

    def __repr__(self) -> str:
        return (
            f"Say({'•••' if self.sensitive else self.text!r}, key={self.key!r}, language={self.language!r})"
        )


@dataclass(frozen=True, slots=True)
class Keypad:
    """Which keys the question can take: at most `most`, ended early by any key in `finish`.

    `pause_ms` after a key without another one, the shell says `KeypadPaused`.
    """

    most: int
    pause_ms: int
    finish: str = ""


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for the caller, at most `timeout_ms` after the prompt was heard, then say `NoInput`.

    `hints` are phrases to expect. `collected` keys are taken already: while it is not 0 the keypad's pause runs
    instead of the timeout. What answers a `sensitive` question is never logged, recorded or traced.
    """

    node: str
    language: str
    timeout_ms: int
    grammar: Grammar = field(repr=False)
    keypad: Keypad | None = None
    collected: int = 0
    hints: tuple[str, ...] = ()
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """An HTTP request; `body` is JSON, None for none. Its values may be sensitive: `repr` shows none of them."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Json = None

    @property
    def writes(self) -> bool:
        """Whether sending it may change something: then it must never be sent twice."""
        return self.method != "GET"

    def __repr__(self) -> str:
        return f"ServiceRequest({self.method!r}, •••)"


@dataclass(frozen=True, slots=True)
class CallService:
    """Ask a service, for at most `timeout_ms`; then the shell says `ServiceAnswered` or `ServiceFailed`.

    Where the answer is not there after `waiting_after_ms`, `waiting` is said, and again after a long silence. What the
    caller does meanwhile counts for the question that comes next.
    """

    node: str
    request: ServiceRequest
    timeout_ms: int
    waiting: Say | None = None
    waiting_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """One contribution to a conversation with a model; an agent's may hold the tools it asked for."""

    role: Literal["caller", "agent", "tool"]
    text: str = field(repr=False)
    tool_calls: tuple[ToolUse, ...] = ()
    tool_call_id: str | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ModelMessage:
        """The message that a checkpoint holds."""
        tools = tuple(ToolUse(**one) for one in stored.get("tool_calls", ()))
        return cls(stored["role"], stored["text"], tools, stored.get("tool_call_id"))


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool that the model may ask for; `arguments` is a JSON Schema."""

    name: str
    description: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskModel:
    """Let a model speak, or (`choose`) say which of `outcomes` the caller's words mean and nothing else.

    Its words are said as they come, in the manner of `speech`, and where none come for long, `waiting`. In the end the
    shell says `ModelReplied` or `ModelFailed`; and `ModelInterrupted` whenever the caller cuts the model's words, or
    does anything while a reply is made. A choice takes `timeout_ms` at most; what the caller does meanwhile waits.
    """

    node: str
    purpose: Literal["reply", "choose"]
    instruction: str
    messages: tuple[ModelMessage, ...]
    language: str
    max_tokens: int
    facts: str = field(default="", repr=False)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    tools: tuple[ToolOffer, ...] = ()
    speech: Say | None = None
    waiting: Say | None = None
    timeout_ms: int = 15_000
    # what the answer depends on besides all this, where it may be given again to others; else empty
    reuse: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connect the caller to `number` (E.164 or a SIP address), ringing for `ring_s` seconds at most.

    `whisper`, if there is one, is said to whoever answers, before the caller is put through. Afterwards the shell says
    `TransferEnded`.
    """

    node: str
    number: str
    ring_s: int
    whisper: Say | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Take a message of at most `max_s` seconds, ended early by a key in `finish`; then `RecordingEnded`."""

    node: str
    max_s: int
    finish: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call once everything said was heard. `reason` names the node, or what went wrong."""

    reason: str


@dataclass(frozen=True, slots=True)
class NodeEntered:
    """`via` is where the flow says to go there, None at its start."""

    node: str
    via: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Understood:
    """What an answer was taken for, by which rung of the ladder, with a score of 0..1."""

    rung: Rung
    score: float
    intent: str


@dataclass(frozen=True, slots=True)
class SlotFilled:
    """A slot has a new value (JSON; dates and times as ISO 8601 text), None when it was cleared."""

    name: str
    value: Json
    sensitive: bool = False

    def __repr__(self) -> str:
        return f"SlotFilled({self.name!r}, {'•••' if self.sensitive else self.value!r})"


@dataclass(frozen=True, slots=True)
class Event:
    """Something for the statistics: a `log` of the flow's, or `no_input`, `no_match`, `rejected`, …"""

    name: str


Effect = (
    Say
    | Listen
    | CallService
    | AskModel
    | Transfer
    | Record
    | HangUp
    | NodeEntered
    | Understood
    | SlotFilled
    | Event
)

"""What can happen to a flow. `now` is the wall time, with its offset; the engine reads no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from app.flow.values import Json


@dataclass(frozen=True, slots=True)
class Heard:
    """One finished utterance, as the recogniser wrote it; `confidence` is 0..1, None where it gives none.

    `language` is the recogniser's (ISO 639-1). The call's own language decides how the words are understood.
    `similar` tells for intents how near the nearest of their `samples` is in meaning, where somebody has compared.
    A `sensitive` text may be a secret, whatever is asked now: it is never logged, recorded or compared.
    """

    text: str = field(repr=False)
    language: str
    confidence: float | None
    now: datetime
    similar: Mapping[str, float] = field(default_factory=dict, repr=False)
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    """One key, 0-9, * or #, the moment it came, also while a prompt plays; a `sensitive` one may be of a secret."""

    digit: str
    now: datetime
    sensitive: bool = False

    def __repr__(self) -> str:
        return "Pressed(digit='•')"


@dataclass(frozen=True, slots=True)
class NoInput:
    """The caller said and pressed nothing within the last `Listen`'s timeout after its prompt was heard."""

    now: datetime


@dataclass(frozen=True, slots=True)
class KeypadPaused:
    """No further key came within the last `Listen`'s keypad pause."""

    now: datetime


TransferOutcome = Literal["completed", "no_answer", "busy", "failed"]


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """The other party's leg ended: talked to (`completed`) or never reached."""

    outcome: TransferOutcome
    now: datetime


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """The caller's message is taken; `seconds` is its length, 0 when nothing was said."""

    seconds: float
    now: datetime


@dataclass(frozen=True, slots=True)
class ServiceAnswered:
    """The service asked by the last `CallService` answered with an HTTP status; `readable` tells whether with JSON."""

    status: int
    now: datetime
    json: Json = field(default=None, repr=False)
    readable: bool = True


@dataclass(frozen=True, slots=True)
class ServiceFailed:
    """It did not answer: `reason` says why, in a word or two."""

    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A model asks for a tool."""

    id: str
    name: str
    arguments: Mapping[str, Json] = field(repr=False)

    def to_json(self) -> dict[str, Json]:
        return {"id": self.id, "name": self.name, "arguments": dict(self.arguments)}

    @classmethod
    def pending(cls, dialogue: Sequence[Mapping[str, Any]]) -> ToolUse:
        """What was asked for last."""
        return cls(**next(one["tool_calls"][0] for one in reversed(dialogue) if one.get("tool_calls")))


@dataclass(frozen=True, slots=True)
class ModelReplied:
    """The model is done: `text` was said, and it named an outcome, a tool or neither."""

    now: datetime
    text: str = field(default="", repr=False)
    outcome: str | None = None
    tool: ToolUse | None = None


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """No model could reply, or not to its end; `text` was said by then."""

    reason: str
    now: datetime
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ModelInterrupted:
    """The caller cut the model's last words; `heard` is what was heard of them."""

    now: datetime
    heard: str = field(default="", repr=False)


# what comes of something that the flow asked for
Outcome = ServiceAnswered | ServiceFailed | ModelReplied | ModelFailed
Input = Heard | Pressed | NoInput | KeypadPaused | TransferEnded | RecordingEnded | ModelInterrupted | Outcome

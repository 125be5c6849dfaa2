"""What can happen to a flow. `now` is the wall time, with its offset; the engine reads no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Heard:
    """One finished utterance, as the recogniser wrote it; `confidence` is 0..1, None where it gives none.

    `language` is the recogniser's (ISO 639-1). The call's own language decides how the words are understood.
    """

    text: str
    language: str
    confidence: float | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Pressed:
    """One key, 0-9, * or #, the moment it came, also while a prompt plays."""

    digit: str
    now: datetime

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


Input = Heard | Pressed | NoInput | KeypadPaused | TransferEnded | RecordingEnded

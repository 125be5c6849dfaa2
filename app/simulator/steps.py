"""What a caller does, step by step, before anything is spoken or loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

KEYS = frozenset("0123456789ABCD*#")


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a text."""

    text: str


@dataclass(frozen=True, slots=True)
class PlayRecording:
    """Play an audio file into the line."""

    path: Path


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys: 0-9, A-D, * and #."""

    digits: str


@dataclass(frozen=True, slots=True)
class StaySilent:
    """Say nothing, whatever the agent does."""

    seconds: float


@dataclass(frozen=True, slots=True)
class BargeIn:
    """Speak a text when the agent has been speaking for `after_ms`."""

    after_ms: float
    text: str


@dataclass(frozen=True, slots=True)
class Expect:
    """What the answer to the step before must be like; `place` is where it was asked for."""

    node: str | None = None
    contains: str | None = None
    within_ms: float | None = None
    place: str = ""


Step = Say | PlayRecording | Press | StaySilent | BargeIn | Expect

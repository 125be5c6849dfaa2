"""Prompts: what a node says, in every language of the flow."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.flow.document import Place
from app.flow.templates import Template

Order = Literal["one", "one_of", "sequence"]


@dataclass(frozen=True, slots=True)
class Line:
    """One wording, written at `place`; `audio` is a recording of it, relative to the flow's directory."""

    template: Template
    audio: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """`lines` per language. With `one_of` a line is drawn; in a `sequence` each time has the next, the last stays."""

    key: str
    lines: Mapping[str, tuple[Line, ...]]
    order: Order = "one"

    def language(self, wanted: str, default: str) -> str:
        """The language it can be said in: the wanted one, or the flow's first."""
        return wanted if wanted in self.lines else default

    def line(self, language: str, seed: int, times_said: int) -> Line:
        lines = self.lines[language]
        if self.order == "one_of":
            return lines[zlib.crc32(f"{seed} {self.key} {times_said}".encode()) % len(lines)]
        return lines[min(times_said, len(lines) - 1)]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder: what is said before the question comes again, or where the call goes instead.

    `place` is where the flow names that node.
    """

    prompt: Prompt | None
    goto: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The nth rung is for the nth time; after the last spoken one it stays there, unless one leads away."""

    rungs: tuple[Rung, ...]

    def rung(self, count: int) -> Rung | None:
        """For the `count`th time, from 1; None where the ladder is empty."""
        return self.rungs[min(count, len(self.rungs)) - 1] if self.rungs else None

    @property
    def way_out(self) -> Rung | None:
        """The first rung that leads away."""
        return next((rung for rung in self.rungs if rung.goto), None)

"""What was found of one thing that calls need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

State = Literal["ok", "failed", "skipped"]
SIGNS: Final[dict[State, str]] = {"ok": "✓", "failed": "✗", "skipped": "–"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`what` was looked at, `found` is what came of it, `remedy` the way out where there must be one.

    `ms` is how long it took to what matters in it, where that was measured.
    """

    what: str
    state: State
    found: str
    remedy: str = ""
    ms: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "state": self.state,
            "found": self.found,
            "remedy": self.remedy or None,
            "ms": self.ms,
        }

    def __str__(self) -> str:
        remedy = f"\n    {self.remedy}" if self.remedy else ""
        return f"{SIGNS[self.state]} {self.what}: {self.found}{remedy}"


def held(verdicts: Sequence[Verdict]) -> bool:
    """Whether nothing failed."""
    return not any(verdict.state == "failed" for verdict in verdicts)

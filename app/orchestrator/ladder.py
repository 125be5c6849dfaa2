"""What is given up, one thing after the other, when answers come too late, and taken up again when they do not.

    over the last minute                                        what follows
    p95 above the maximum, of 10 turns or more                  one measure more, after a minute at the earliest
    no turn, or p95 under 80 % of the target, for a minute      one measure less
    anything else                                               nothing

Only turns since the last step count: what a measure does shows in what comes after it. Pure: `now_s` is monotonic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Measure = Literal["short_answers", "small_model", "no_hedge", "embedded_signs", "no_early_replies"]

# early replies come last: without them there is less to do, but each answer takes longer
MEASURES: Final[tuple[Measure, ...]] = (
    "short_answers",
    "small_model",
    "no_hedge",
    "embedded_signs",
    "no_early_replies",
)
WINDOW_S = 60.0
TURNS_NEEDED = 10
CALM_SHARE = 0.8


@dataclass(slots=True)
class Economy:
    """What is given up now; shared by who decides on it and who carries it out."""

    in_force: frozenset[Measure] = frozenset()


@dataclass(frozen=True, slots=True)
class Recent:
    """The turns since `Ladder.window_s`: how many, and the 95th percentile of their answers in milliseconds."""

    turns: int
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """A measure is taken (`down`) or lifted (`up`), for a reason in words."""

    way: Literal["down", "up"]
    measure: Measure
    why: str


class Ladder:
    """Where on the ladder we are; `in_force` are the measures taken."""

    def __init__(self, target_ms: float, maximum_ms: float) -> None:
        self._calm_ms = CALM_SHARE * target_ms
        self.maximum_ms = maximum_ms
        self._level = 0
        self._stepped_s = -math.inf
        self._calm_since_s: float | None = None

    def __repr__(self) -> str:
        return f"Ladder({', '.join(self.in_force) or 'nothing given up'})"

    @property
    def in_force(self) -> tuple[Measure, ...]:
        return MEASURES[: self._level]

    def window_s(self, now_s: float) -> float:
        """From when on turns count."""
        return max(now_s - WINDOW_S, self._stepped_s)

    def look(self, recent: Recent, now_s: float) -> Step | None:
        """What the last minute calls for."""
        calm = recent.p95_ms is None or recent.p95_ms < self._calm_ms
        if not calm:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        rested = now_s - self._stepped_s >= WINDOW_S
        if self._is_late(recent) and rested and self._level < len(MEASURES):
            return self._down(recent, now_s)
        if self._calm_since_s is not None and now_s - self._calm_since_s >= WINDOW_S and self._level:
            return self._up(recent, now_s)
        return None

    def _is_late(self, recent: Recent) -> bool:
        return recent.turns >= TURNS_NEEDED and recent.p95_ms is not None and recent.p95_ms > self.maximum_ms

    def _down(self, recent: Recent, now_s: float) -> Step:
        self._level += 1
        self._stepped_s, self._calm_since_s = now_s, None
        why = f"p95 of {recent.turns} answers is {recent.p95_ms:.0f} ms, above {self.maximum_ms:.0f} ms"
        return Step("down", MEASURES[self._level - 1], why)

    def _up(self, recent: Recent, now_s: float) -> Step:
        self._level -= 1
        self._stepped_s, self._calm_since_s = now_s, None
        calm = "nobody called" if recent.p95_ms is None else f"p95 is {recent.p95_ms:.0f} ms"
        return Step("up", MEASURES[self._level], f"{calm} for a minute; under {self._calm_ms:.0f} ms is calm")

"""How the time of a turn is planned, from the acoustic end of the caller's speech to the answer's first frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["endpoint", "decide", "ai_or_cache", "first_speech", "overhead", "network"]

# Milliseconds of a turn of 300, in the order in which they pass; recognition runs inside the endpoint.
PLAN_MS: dict[Stage, float] = {
    "endpoint": 110,
    "decide": 5,
    "ai_or_cache": 90,
    "first_speech": 40,
    "overhead": 5,
    "network": 50,
}
PLANNED_MS = sum(PLAN_MS.values())


@dataclass(frozen=True, slots=True)
class Budget:
    """A turn's time in milliseconds: what is aimed at, and what must not be exceeded."""

    target_ms: float = 300.0
    maximum_ms: float = 500.0

    def planned_ms(self, stage: Stage) -> float:
        """A stage's share of the target."""
        return PLAN_MS[stage] * self.target_ms / PLANNED_MS

    def left_ms(self, stage: Stage, spent_ms: float) -> float:
        """What `stage` may take, `spent_ms` after the end of speech, if the stages behind it keep to their shares.

        Below zero when the target is missed already.
        """
        stages = list(PLAN_MS)
        behind_ms = sum(self.planned_ms(later) for later in stages[stages.index(stage) + 1 :])
        return self.target_ms - behind_ms - spent_ms

    def exceeded(self, spent_ms: float) -> bool:
        """Whether the most that a turn may take has passed."""
        return spent_ms > self.maximum_ms

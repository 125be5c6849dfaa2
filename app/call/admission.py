"""Who may come in: nobody while the server drains, and nobody beyond its capacity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Admission:
    """`capacity` None is no limit."""

    capacity: int | None = None
    ready: bool = False
    draining: bool = False

    def refusal(self, active: int) -> str | None:
        """Why a new call cannot come in while `active` are going on, None when it can."""
        if self.draining:
            return "the server is draining"
        if not self.ready:
            return "the server is warming up"
        if self.capacity is not None and active >= self.capacity:
            return f"all {self.capacity} lines are taken"
        return None

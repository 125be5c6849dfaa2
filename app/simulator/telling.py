"""Events told as they happen, in the order of their moments.

What the agent says is known only when it is over and its words are understood; what the caller did meanwhile waits.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from math import inf

from app.simulator.caller import Event


class Telling:
    """Holds events back while an earlier one may still come."""

    def __init__(self, observe: Callable[[Event], None]) -> None:
        self._observe = observe
        self._waiting: list[Event] = []

    def add(self, event: Event) -> None:
        """Something happened; it is told with the next `release` that reaches it."""
        insort(self._waiting, event, key=lambda one: one.at_s)

    def release(self, until_s: float = inf) -> None:
        """Nothing that began before `until_s` is still to come."""
        while self._waiting and self._waiting[0].at_s <= until_s:
            self._observe(self._waiting.pop(0))

    def __repr__(self) -> str:
        return f"Telling({len(self._waiting)} waiting)"

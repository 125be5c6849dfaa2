"""What a caller does while a service is asked: it waits for the next question."""

from __future__ import annotations

from collections import deque

from app.flow.inputs import Heard, Input, Pressed

HELD_MAX = 64


class HeldInputs:
    """In order; what is more than a caller can mean is forgotten."""

    def __init__(self) -> None:
        self._held: deque[Heard | Pressed] = deque()

    def __bool__(self) -> bool:
        return bool(self._held)

    def hold(self, event: Input) -> None:
        """Keep words and keys; that nothing came counts for nothing."""
        if isinstance(event, Heard | Pressed) and len(self._held) < HELD_MAX:
            self._held.append(event)

    def first(self) -> Heard | Pressed:
        """Take out what came first."""
        return self._held.popleft()

    def clear(self) -> None:
        """Nobody waits for it any more."""
        self._held.clear()

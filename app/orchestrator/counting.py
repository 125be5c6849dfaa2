"""What is counted by turns, where it is not sure yet that there will be one."""

from __future__ import annotations

from collections.abc import Callable


class Counts:
    """Counts at once when the reply is a turn's for `sure`, else when it is `settled`, or never."""

    def __init__(self, *, sure: bool = False) -> None:
        self._sure = sure
        self._waiting: list[Callable[[], None]] = []

    def add(self, count: Callable[[], None]) -> None:
        """Something that counts."""
        if self._sure:
            count()
        else:
            self._waiting.append(count)

    def settled(self) -> None:
        """The reply is a turn's."""
        self._sure = True
        for count in self._waiting:
            count()
        self._waiting.clear()


SURE = Counts(sure=True)

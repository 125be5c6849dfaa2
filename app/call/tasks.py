"""The tasks of one stream: children of one task group, and ended together.

To end a TaskGroup from inside takes an exception, whose traceback holds every frame of the call and all that is in
them until the garbage collector comes by. Tasks that are cancelled one by one leave nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Given = TypeVar("Given")


class Tasks:
    """`group` waits for them, and ends them all when one fails."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[Any]] = set()
        self._over = False

    @property
    def over(self) -> bool:
        """Whether nothing is to begin any more."""
        return self._over

    def create(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin; what begins after the end is cancelled at once."""
        task = self._group.create_task(work)
        if self._over:
            task.cancel()
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def guarded(self, callback: Callable[[Given], None]) -> Callable[[Given], None]:
        """For those who call from outside of the tasks: a defect of it is one of theirs, and ends them all.

        It is not called any more when everything is over.
        """

        def guarded(given: Given) -> None:
            if self._over:
                return
            try:
                callback(given)
            except Exception as error:
                self.create(_failing(error))
                self._over = True

        return guarded

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Others are cancelled by the group when one fails, and it begins none any more."""
        self._running.discard(task)
        self._over |= not task.cancelled() and task.exception() is not None

    def cancel(self) -> None:
        """Everything is over."""
        self._over = True
        for task in self._running:
            task.cancel()


async def _failing(error: Exception) -> None:
    raise error

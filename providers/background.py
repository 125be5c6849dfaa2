"""Tasks that outlive the call that began them: held by their owner, and ended with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class BackgroundTasks:
    """Where a connection is read or made anew while nobody waits for it. A task ends by itself or with its owner."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def create_task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `work`, which answers for its own errors."""
        task = asyncio.Task(work, loop=asyncio.get_running_loop())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def join(self) -> None:
        """Wait for what runs."""
        if self._running:
            await asyncio.wait(set(self._running))

    async def aclose(self, patience_s: float | None = None) -> None:
        """Cancel what runs, and wait for it, at most so long."""
        running = set(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=patience_s)

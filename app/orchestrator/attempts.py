"""Replies under way at the same time, one task each, and what comes of them in the order in which it comes."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, aclosing

from app.errors import BrokenStream, ProviderError
from app.orchestrator.provider import provider_attempt
from app.orchestrator.within import within
from providers.base import Finished, LanguageModel, ModelEvent, ModelRequest
from providers.patience import patience

EVENTS_WAITING = 256


class Attempts:
    """Of one reply: at most one attempt at a time per name."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._running: dict[str, asyncio.Task[None]] = {}
        self._came: asyncio.Queue[tuple[asyncio.Task[None] | None, str, ModelEvent | ProviderError]]
        self._came = asyncio.Queue(EVENTS_WAITING)

    def start(self, model: LanguageModel, request: ModelRequest) -> None:
        """Ask a model."""
        self._running[model.name] = self._tasks.create_task(self._pump(model, request))

    def stop(self, name: str) -> None:
        """Close an attempt, if it is not over; nothing comes of it any more."""
        self._running.pop(name).cancel()

    def stop_all(self) -> None:
        for name in list(self._running):
            self.stop(name)

    async def next(self, within_s: float) -> tuple[str, ModelEvent | ProviderError] | None:
        """What came next and of whom; None when nothing came in time."""
        try:
            async with patience(within_s):
                while True:
                    task, name, event = await self._came.get()
                    if self._running.get(name) is task:
                        return name, event
        except TimeoutError:
            return None

    async def _pump(self, model: LanguageModel, request: ModelRequest) -> None:
        task = asyncio.current_task()
        try:
            with provider_attempt(model.name):
                async with aclosing(model.reply(request)) as events:
                    async for event in events:
                        await self._came.put((task, model.name, event))
                        if isinstance(event, Finished):
                            return
            failure: ProviderError = BrokenStream(f"{model.name}: a reply without an end")
        except ProviderError as error:
            failure = error
        try:
            await self._came.put((task, model.name, failure))
        finally:
            del failure  # its traceback holds this frame


def attempts() -> AbstractAsyncContextManager[Attempts]:
    """Attempts that are all over, and their connections closed, when the context is left."""
    return within(Attempts, Attempts.stop_all)

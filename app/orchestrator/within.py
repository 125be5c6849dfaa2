"""Tasks inside a generator, which may be left in any way at any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from app.errors import ProviderError

T = TypeVar("T")


@asynccontextmanager
async def within(begin: Callable[[asyncio.TaskGroup], T], stop: Callable[[T], object]) -> AsyncIterator[T]:
    """What begins in a task group, stopped and over when the context is left; what it is left with goes on as it is."""
    left: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        begun = begin(group)
        try:
            yield begun
        except (ProviderError, GeneratorExit, asyncio.CancelledError) as error:
            left = error  # a task group would wrap it
        finally:
            stop(begun)
    try:
        if left:
            raise left
    finally:
        del left  # its traceback holds this frame

"""Work that takes long, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

# does the work on a thread and brings back what it returns; tests in virtual time do it at once
Aside = Callable[[Callable[[], bool]], Awaitable[bool]]

THREADS = 4
# one that cannot begin is an error; the others do not wait for it for ever
BEGIN_S = 10.0


@contextmanager
def aside_threads(count: int = THREADS) -> Iterator[Aside]:
    """An Aside with threads of its own, all of which begin here: no call waits for one, or leaves one more behind.

    What was begun is brought to its end.
    """
    with ThreadPoolExecutor(count, "aside") as pool:
        begun = Barrier(count, timeout=BEGIN_S)
        for _ in range(count):
            pool.submit(begun.wait)

        async def aside(work: Callable[[], bool]) -> bool:
            return await asyncio.get_running_loop().run_in_executor(pool, work)

        yield aside

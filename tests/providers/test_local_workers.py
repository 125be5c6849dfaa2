from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from app.errors import Refused, TimedOut
from providers.local_workers import InferenceWorkers

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def one_busy_worker(waiting: int = 256) -> AsyncIterator[tuple[InferenceWorkers, Callable[[], None]]]:
    """A pool of one thread that does nothing else until the function that comes with it is called."""
    workers, begun, go_on = InferenceWorkers(1, waiting), threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait()

    workers.submit(hold)
    await asyncio.to_thread(begun.wait)
    try:
        yield workers, go_on.set
    finally:
        go_on.set()
        await workers.aclose()


async def test_results_come_back_to_the_loop() -> None:
    workers = InferenceWorkers(2)
    assert await asyncio.gather(*(workers.run(partial(pow, n, 2)) for n in range(20))) == [
        n * n for n in range(20)
    ]
    assert workers.healthy
    await workers.aclose()


async def test_what_is_urgent_goes_first_and_otherwise_it_is_first_come_first_served() -> None:
    done: list[str] = []
    async with one_busy_worker() as (workers, go_on):
        jobs = [("partial 1", False), ("final 1", True), ("partial 2", False), ("final 2", True)]
        futures = [workers.submit(partial(done.append, name), urgent=urgent) for name, urgent in jobs]
        assert workers.waiting == 4
        go_on()
        await asyncio.gather(*map(asyncio.wrap_future, futures))
    assert done == ["final 1", "final 2", "partial 1", "partial 2"]


async def test_a_job_that_is_cancelled_while_it_waits_is_never_begun() -> None:
    done: list[str] = []
    async with one_busy_worker() as (workers, go_on):
        task = asyncio.ensure_future(workers.run(lambda: done.append("cancelled")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        go_on()
        await workers.run(lambda: done.append("next"))
    assert done == ["next"]


async def test_a_full_pool_refuses_and_forgets_cancelled_jobs_first() -> None:
    async with one_busy_worker(waiting=2) as (workers, _):
        first, _second = workers.submit(str), workers.submit(str)
        with pytest.raises(Refused, match="2 jobs wait for the 1 speech workers"):
            workers.submit(str).result()
        first.cancel()
        assert not workers.submit(str).done()
        assert workers.waiting == 2


async def test_errors_arrive_as_provider_errors_and_the_thread_goes_on() -> None:
    def fail(error: Exception) -> None:
        raise error

    workers = InferenceWorkers(1)
    with pytest.raises(Refused, match=r"speech work failed: ValueError$") as caught:
        await workers.run(lambda: fail(ValueError("odd shape")))
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(TimedOut):
        await workers.run(lambda: fail(TimedOut("as it is")))
    assert await workers.run(lambda: "still here") == "still here"
    await workers.aclose()


async def test_closing_refuses_what_waits_ends_the_threads_and_may_be_repeated() -> None:
    async with one_busy_worker() as (workers, go_on):
        waiting = workers.submit(str)
        threads = threading.active_count()
        closing = asyncio.ensure_future(workers.aclose())
        await asyncio.sleep(0)
        go_on()
        await closing
        with pytest.raises(Refused, match="closed"):
            waiting.result()
        with pytest.raises(Refused, match="closed"):
            await workers.run(str)
        assert not workers.healthy
        assert threading.active_count() <= threads

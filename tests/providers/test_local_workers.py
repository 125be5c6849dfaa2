from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from app.errors import Refused, TimedOut
from providers.local_workers import NICENESS, InferenceWorkers

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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_dies_is_followed_by_another_and_its_job_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workers, died = InferenceWorkers(1), list[threading.Thread]()

    def die() -> None:
        died.append(threading.current_thread())
        raise SystemExit

    with pytest.raises(Refused, match="died of its work"):
        await workers.run(die)
    await asyncio.to_thread(died[0].join)
    assert await workers.run(lambda: "the next") == "the next"
    assert (workers.restarts, workers.healthy) == (1, True)
    assert "speech-worker-0 has died: another takes its place" in caplog.text
    await workers.aclose()
    assert workers.restarts == 1


async def test_a_thread_that_does_not_come_back_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    async with one_busy_worker() as (workers, go_on):
        monkeypatch.setattr("providers.local_workers.STUCK_S", 0.0)
        assert [workers.healthy] == [False]
        second = workers.submit(str)
        monkeypatch.undo()
        assert await asyncio.wrap_future(second) == ""
        assert (workers.restarts, workers.healthy) == (1, True)
        go_on()
        assert await workers.run(lambda: threading.current_thread().name) == "speech-worker-1"


async def test_no_more_threads_are_left_behind_than_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async with one_busy_worker() as (workers, go_on):
        held, is_held = threading.Event(), threading.Event()
        monkeypatch.setattr("providers.local_workers.STUCK_S", 0.0)

        def hold() -> None:
            is_held.set()
            held.wait()

        workers.submit(hold)
        await asyncio.to_thread(is_held.wait)
        workers.submit(str)
        assert (workers.restarts, workers.waiting, workers.healthy) == (1, 1, False)
        held.set()
        go_on()


async def test_the_report_says_what_waits_what_runs_and_how_long_jobs_take() -> None:
    async with one_busy_worker() as (workers, go_on):
        last = workers.submit(str)
        report = workers.report()
        assert (report["threads"], report["waiting"], report["busy"]) == (1, 1, 1)
        assert report["runP95Ms"] is None
        go_on()
        await asyncio.wrap_future(last)
        await workers.run(str)
        report = workers.report()
        assert (report["waiting"], report["restarts"]) == (0, 0)
        took_ms, waited_ms = report["runP95Ms"], report["waitP95Ms"]
        assert took_ms is not None
        assert waited_ms is not None
        assert took_ms >= 0
        assert waited_ms >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
async def test_a_thread_is_nicer_than_its_process_and_not_just_nice() -> None:
    workers = InferenceWorkers(1)
    niceness = await workers.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    await workers.aclose()

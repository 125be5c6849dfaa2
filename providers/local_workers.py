"""The threads on which embedded speech is worked out: as many as there are cores, shared by all calls.

What somebody waits for goes before what is merely nice to know (partial transcripts); otherwise first come, first
served. A future that is cancelled while it waits is never begun. onnxruntime and CTranslate2 let the interpreter go
while they compute, so the event loop runs on beside them.

A thread that dies is followed by another at once, and whoever waits for its job is told. One that has been at the same
job for ten seconds cannot be stopped: with the next job it is left behind, and another takes its place.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from app.errors import ProviderError, Refused

log = logging.getLogger("callrelay.providers")

T = TypeVar("T")

WAITING_JOBS = 256
STUCK_S = 10.0
NICENESS = 5
TIMES_KEPT = 500
CLOSED = "the speech workers are closed; the process is going down"


@dataclass(frozen=True, slots=True)
class _Job:
    future: Future[Any]
    work: Callable[[], Any] = field(repr=False)  # it holds words
    asked_at: float = field(repr=False)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class InferenceWorkers:
    """A bounded pool with two priorities. Threads begin with the first job, by `niceness` nicer than the process."""

    def __init__(
        self, threads: int | None = None, waiting: int = WAITING_JOBS, *, niceness: int = NICENESS
    ) -> None:
        self.threads = threads or cores()
        self._niceness = niceness
        self._limit = waiting
        self._jobs: list[tuple[bool, int, _Job]] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._closed = False
        self._hired = count()
        self._pool: list[threading.Thread] = []
        self._left_behind: list[threading.Thread] = []
        self._busy_since: dict[threading.Thread, float] = {}
        self._waited_s: deque[float] = deque(maxlen=TIMES_KEPT)
        self._took_s: deque[float] = deque(maxlen=TIMES_KEPT)
        self.restarts = 0

    def submit(self, work: Callable[[], T], *, urgent: bool = True) -> Future[T]:
        """Have `work` done on a thread. The future fails with ProviderError only: with Refused at once when the pool
        is closed or as many jobs wait as may.
        """
        future: Future[T] = Future()
        with self._changed:
            refusal = self._refusal()
            if refusal:
                future.set_exception(Refused(refusal))
            else:
                self._hire()
                job = _Job(future, work, time.monotonic())
                heapq.heappush(self._jobs, (not urgent, next(self._numbers), job))
                self._changed.notify()
        return future

    async def run(self, work: Callable[[], T], *, urgent: bool = True) -> T:
        """`submit`, and wait for it. Cancelling drops the result, and the work too if it has not begun."""
        return await asyncio.wrap_future(self.submit(work, urgent=urgent))

    @property
    def waiting(self) -> int:
        """How many jobs wait for a thread."""
        return len(self._jobs)

    @property
    def healthy(self) -> bool:
        """Whether no thread has died and none has been at the same job for ten seconds."""
        alive = all(thread.is_alive() for thread in self._pool)
        return alive and not any(self._is_stuck(thread) for thread in self._pool)

    def report(self) -> dict[str, float | None]:
        """For /health: threads, jobs that wait and that are being done, 95th percentiles of how long the last 500
        waited and took in milliseconds, and how often a thread was replaced.
        """
        return {
            "threads": self.threads,
            "waiting": self.waiting,
            "busy": len(self._busy_since),
            "waitP95Ms": p95_ms(self._waited_s),
            "runP95Ms": p95_ms(self._took_s),
            "restarts": self.restarts,
        }

    async def aclose(self) -> None:
        """Drop what waits, let what runs end, and end the threads. Idempotent."""
        with self._changed:
            self._closed = True
            jobs, self._jobs = self._jobs, []
            self._changed.notify_all()
        for _, _, job in jobs:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(Refused(CLOSED))
        for thread in self._pool:
            await asyncio.to_thread(thread.join)

    def _refusal(self) -> str:
        if self._closed:
            return CLOSED
        if len(self._jobs) >= self._limit:
            self._jobs = [job for job in self._jobs if not job[2].future.cancelled()]
            heapq.heapify(self._jobs)
        full = len(self._jobs) >= self._limit
        return f"{self._limit} jobs wait for the {self.threads} speech workers: no more fit" if full else ""

    def _hire(self) -> None:
        """Have all threads there, each at work or ready for it; as many may be stuck as there are."""
        for thread in [thread for thread in self._pool if self._is_stuck(thread)]:
            self._left_behind = [one for one in self._left_behind if one.is_alive()]
            if len(self._left_behind) < self.threads:
                self._left_behind.append(thread)
                self._let_go(thread, f"has been at the same job for {STUCK_S:g} s")
        while len(self._pool) < self.threads:
            name = f"speech-worker-{next(self._hired)}"
            self._pool.append(threading.Thread(target=self._serve, name=name, daemon=True))
            self._pool[-1].start()

    def _let_go(self, thread: threading.Thread, why: str) -> None:
        log.error("%s %s: another takes its place", thread.name, why)
        self._pool.remove(thread)
        self._busy_since.pop(thread, None)
        self.restarts += 1

    def _is_stuck(self, thread: threading.Thread) -> bool:
        since = self._busy_since.get(thread)
        return since is not None and since <= time.monotonic() - STUCK_S

    def _serve(self) -> None:
        me = threading.current_thread()
        _step_back(self._niceness)
        try:
            while job := self._next(me):
                if job.future.set_running_or_notify_cancel():
                    self._do(job, me)
        finally:
            self._is_over(me)

    def _next(self, me: threading.Thread) -> _Job | None:
        with self._changed:
            while me in self._pool and not self._jobs and not self._closed:
                self._changed.wait()
            ends = self._closed or me not in self._pool
            return None if ends else heapq.heappop(self._jobs)[2]

    def _do(self, job: _Job, me: threading.Thread) -> None:
        began = self._busy_since[me] = time.monotonic()
        self._waited_s.append(began - job.asked_at)
        try:
            settle(job.future, job.work)
        finally:
            self._busy_since.pop(me, None)
            self._took_s.append(time.monotonic() - began)
            if not job.future.done():
                job.future.set_exception(Refused("a speech worker died of its work"))

    def _is_over(self, me: threading.Thread) -> None:
        with self._changed:
            if me in self._pool and not self._closed:
                self._let_go(me, "has died")
                self._hire()


def p95_ms(seconds: deque[float]) -> float | None:
    """The 95th percentile of times in seconds, in milliseconds; None of nothing."""
    ordered = sorted(seconds.copy())  # in one piece: threads add to it meanwhile
    return round(ordered[int(0.95 * len(ordered))] * 1000, 1) if ordered else None


def _step_back(niceness: int) -> None:
    """Let the event loop and the voice detector go first: they have little to do, and all calls wait for it."""
    if sys.platform == "linux":  # where it is the thread's own
        os.nice(niceness)


def settle(future: Future[T], work: Callable[[], T]) -> None:
    """The boundary of a provider attempt: whatever goes wrong inside is carried to whoever waits."""
    try:
        result = work()
    except ProviderError as error:
        future.set_exception(error)
    except Exception as error:
        refused = Refused(f"speech work failed: {type(error).__name__}")  # its words may be the caller's
        refused.__cause__ = error
        future.set_exception(refused)
    else:
        future.set_result(result)

"""The threads on which embedded speech is worked out: as many as there are cores, shared by all calls.

What somebody waits for goes before what is merely nice to know (partial transcripts); otherwise first come, first
served. A future that is cancelled while it waits is never begun. onnxruntime and CTranslate2 let the interpreter go
while they compute, so the event loop runs on beside them.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any, TypeVar

from app.errors import ProviderError, Refused

T = TypeVar("T")

WAITING_JOBS = 256
STUCK_S = 10.0
NICENESS = 5
CLOSED = "the speech workers are closed; the process is going down"

_Job = tuple[Future[Any], Callable[[], Any]]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class InferenceWorkers:
    """A bounded pool with two priorities. Threads begin with the first job."""

    def __init__(self, threads: int | None = None, waiting: int = WAITING_JOBS) -> None:
        self.threads = threads or cores()
        self._limit = waiting
        self._jobs: list[tuple[bool, int, _Job]] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._closed = False
        self._pool: list[threading.Thread] = []
        self._busy_since: dict[str, float] = {}

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
                self._start()
                heapq.heappush(self._jobs, (not urgent, next(self._numbers), (future, work)))
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
        long_ago = time.monotonic() - STUCK_S
        alive = all(thread.is_alive() for thread in self._pool)
        return alive and all(since > long_ago for since in list(self._busy_since.values()))

    async def aclose(self) -> None:
        """Drop what waits, let what runs end, and end the threads. Idempotent."""
        with self._changed:
            self._closed = True
            jobs, self._jobs = self._jobs, []
            self._changed.notify_all()
        for _, _, (future, _) in jobs:
            if future.set_running_or_notify_cancel():
                future.set_exception(Refused(CLOSED))
        for thread in self._pool:
            await asyncio.to_thread(thread.join)

    def _refusal(self) -> str:
        if self._closed:
            return CLOSED
        if len(self._jobs) >= self._limit:
            self._jobs = [job for job in self._jobs if not job[2][0].cancelled()]
            heapq.heapify(self._jobs)
        full = len(self._jobs) >= self._limit
        return f"{self._limit} jobs wait for the {self.threads} speech workers: no more fit" if full else ""

    def _start(self) -> None:
        if not self._pool:
            names = [f"speech-worker-{number}" for number in range(self.threads)]
            self._pool = [threading.Thread(target=self._serve, name=name, daemon=True) for name in names]
            for thread in self._pool:
                thread.start()

    def _serve(self) -> None:
        name = threading.current_thread().name
        _step_back()
        while job := self._next():
            future, work = job
            if future.set_running_or_notify_cancel():
                self._busy_since[name] = time.monotonic()
                settle(future, work)
                del self._busy_since[name]

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            return None if self._closed else heapq.heappop(self._jobs)[2]


def _step_back() -> None:
    """Let the event loop and the voice detector go first: they have little to do, and all calls wait for it."""
    if sys.platform == "linux":  # where a thread has a niceness of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


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

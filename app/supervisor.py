"""Several worker processes on one port (WEB_CONCURRENCY): begun, replaced when they die, told to stop.

    supervisor ── binds the port, hands its socket down ──▶ workers: each listens on it, the kernel picks who accepts
               ◀── a line on stdout: ready ──
               ── stdin stays open for as long as the supervisor lives ──▶ at its end they drain by themselves

The first worker goes ahead: what cannot be used shows once, and ends everything. One that dies later is replaced,
ever more slowly while it dies before it was ready.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("callrelay")

ROOT = Path(__file__).parents[1]
WORK = "import sys; from app.serving import work; work(int(sys.argv[1]))"
READY = b"ready\n"
BACK_OFF_S = 1.0
BACK_OFF_MOST_S = 30.0


class Supervisor:
    """`listener` is the descriptor of a bound socket; `environment` is what the workers read their settings from."""

    def __init__(self, workers: int, listener: int, environment: Mapping[str, str]) -> None:
        paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join(paths)}
        self._workers = workers
        self._listener = listener
        self._running: set[Process] = set()
        self._taking_calls: set[int] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Until told to stop and the last worker has ended; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        first = await self._begin()
        if not await self._ready(first):
            code = await self._ended(first)
            return 0 if self._stopping.is_set() else code
        log.info("there are to be %d workers; each warms up by itself, and ends by itself", self._workers)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(first))
            for _ in range(self._workers - 1):
                if not self._stopping.is_set():
                    group.create_task(self._keep(await self._begin()))
        return 0

    def _stop(self) -> None:
        """Pass a signal on: workers drain at the first, and end at the second."""
        self._stopping.set()
        for worker in self._running:
            _tell(worker)

    async def _keep(self, worker: Process) -> None:
        """See that there is this worker, or another one in its place, until told to stop."""
        back_off_s = 0.0
        while True:
            ready = await self._ready(worker)
            code = await self._ended(worker)
            if self._stopping.is_set():
                return
            back_off_s = 0.0 if ready else min(BACK_OFF_MOST_S, max(BACK_OFF_S, 2 * back_off_s))
            log.error("worker %d ended with %d; another one begins in %.0f s", worker.pid, code, back_off_s)
            if await self._stopped_within(back_off_s):
                return
            worker = await self._begin()

    async def _begin(self) -> Process:
        """In a session of its own, for a terminal tells everybody in its session to stop, and we do."""
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WORK, str(self._listener)),
            env=self._environment,
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(self._listener,),
            start_new_session=True,
        )
        self._running.add(worker)
        if self._stopping.is_set():  # it was not among those that were told
            _tell(worker)
        return worker

    async def _ready(self, worker: Process) -> bool:
        """Wait until a worker takes calls; False when it ends before."""
        assert worker.stdout
        return worker.pid in self._taking_calls or await self._told(worker, worker.stdout)

    async def _told(self, worker: Process, stdout: asyncio.StreamReader) -> bool:
        told = await stdout.readline() == READY
        if told:
            self._taking_calls.add(worker.pid)
        return told

    async def _ended(self, worker: Process) -> int:
        code = await worker.wait()
        self._running.discard(worker)
        self._taking_calls.discard(worker.pid)
        return code

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()


def _tell(worker: Process) -> None:
    """To stop, unless it has."""
    with suppress(ProcessLookupError):
        worker.terminate()

"""Voice activity for all calls: on one thread, but for what is awaited.

    event loop                                   the thread
    push ── cut into windows ── gathered ──────▶ one line per call, one window of each call per batch
    on_windows ◀── one call_soon_threadsafe ───  one run of the network per batch

A run of the network on one window costs almost what one on four does, and waking the thread and the loop as much again;
so windows wait for each other, for 12 ms at most: each is judged before the call's next, a frame later at the earliest,
is complete. Batches grow with the load. A call that catches up after a stall waits behind itself, never before others:
each batch takes one window of each call, at most 64, and the calls that it served go to the back.

Few windows are awaited, and those would wait for a batch and two changes of threads, 2 ms with 200 calls on a core. A
run on one takes 0.1 ms, less than what follows from it; so it is judged in `push`, where the loop has a tenth of its
time for that, the network did its part in the last batch, and none of the call's is under way. Where it fails there,
the thread has to find out what is wrong. A run that hangs is noticed on the thread alone, where most are made.

Fail-safe, for a call that is not told when its caller speaks is deaf:

    the network fails on a batch      those windows are judged by their loudness, their calls' memories start afresh
    a batch takes more than 50 ms     windows that wait for so long are judged by their loudness, until it comes back
    it takes more than a second,      another thread takes its place, and all calls' memories start afresh; where
    or its thread dies                three have and are stuck too, there is loudness only until one comes back

Each is counted; all but being late for less than a second makes it unhealthy for as long as it goes on.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from providers.base import VoiceWindow, nobody_waits
from providers.local_silero import SileroModel, SileroStates, as_windows
from providers.local_silero_graph import WINDOW
from providers.local_voice_stream import Dispatch, SileroStream
from providers.local_voice_thread import (
    BATCH,
    DEADLINE_S,
    Network,
    Result,
    Tally,
    VoiceThread,
    loudness,
)
from providers.local_workers import p95_ms

log = logging.getLogger("callrelay.providers")

STUCK_S = 1.0
LOOK_EVERY_S = 0.025
LEFT_BEHIND_MOST = 3


class SileroVoiceDetector:
    """See `VoiceDetector`. All streams belong to the event loop that opened the first one.

    Raises AssetError when the network's file is not installed.
    """

    def __init__(self, network: Network | None = None) -> None:
        self._network = network or SileroModel()
        self._dispatch: Dispatch | None = None
        self._thread: VoiceThread | None = None
        self._left_behind: list[VoiceThread] = []
        self._looking: asyncio.TimerHandle | None = None
        self._results: deque[Result] = deque()
        self._tally = Tally()
        self._late_batch = 0

    def open(
        self,
        on_windows: Callable[[Sequence[VoiceWindow]], None],
        awaited: Callable[[], bool] = nobody_waits,
    ) -> SileroStream:
        return SileroStream(self._dispatch or self._begin(), on_windows, awaited)

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def healthy(self) -> bool:
        """Whether the thread has not died, is not stuck, and the network did its part in the last batch."""
        return not self._dispatch or not (self._later_than(STUCK_S) or self._tally.last_batch_failed)

    @property
    def failures(self) -> int:
        """Batches on which the network failed."""
        return self._tally.failures

    @property
    def open_rows(self) -> int:
        """How many calls hold memory in the network."""
        return self._thread.rows.used if self._thread else 0

    def report(self) -> dict[str, float | None]:
        """For /health: 95th percentile of the last 500 batches in milliseconds, how many were late, how many failed,
        and how often a thread was replaced.
        """
        tally = self._tally
        return {
            "voiceBatchP95Ms": p95_ms(tally.took_s),
            "voiceLate": tally.late,
            "voiceFailed": tally.failures,
            "voiceRestarts": tally.restarts,
        }

    async def warm_up(self) -> None:
        """Run the network once at each end of its batch sizes, so that the first call does not pay for it."""
        for count in (1, BATCH):
            states = SileroStates.fresh(count)
            await asyncio.to_thread(self._network.infer, np.zeros((count, WINDOW), np.float32), states)

    async def aclose(self) -> None:
        """End the thread, after what it has begun; one that is stuck is left. Idempotent."""
        if self._looking:
            self._looking.cancel()
        if self._thread:
            self._thread.queue.put(None)
            await asyncio.to_thread(self._thread.join, STUCK_S)

    def _begin(self) -> Dispatch:
        self._thread = self._hired()
        self._dispatch = Dispatch(self._thread)
        self._look()
        return self._dispatch

    def _hired(self) -> VoiceThread:
        return VoiceThread(self._network, asyncio.get_running_loop(), self._deliver, self._tally)

    def _deliver(self, results: Sequence[Result]) -> None:
        """What follows a call's failure comes on another turn of the loop: that is not theirs."""
        assert self._dispatch
        self._results.extend(results)
        try:
            while self._results:
                stream, window, probability = self._results.popleft()
                stream.deliver(window, probability)
        finally:
            if self._results:
                self._dispatch.loop.call_soon(self._deliver, ())

    def _later_than(self, seconds: float) -> bool:
        """Whether the thread has been at the same batch for longer, or there is none."""
        thread = self._thread
        return thread is None or not thread.is_alive() or thread.busy_s > seconds

    def _look(self) -> None:
        """Whether the thread keeps up: what waits for it while it does not is judged here."""
        self._looking = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)
        if not self._later_than(DEADLINE_S):
            return
        if self._late_batch != self._tally.batches:
            self._late_batch = self._tally.batches
            self._tally.late += 1
        stuck = self._later_than(STUCK_S)
        if stuck:
            self._replace()
        self._judge_by_loudness(math.inf if stuck else time.monotonic() - DEADLINE_S)

    def _replace(self) -> None:
        assert self._dispatch
        if thread := self._thread:
            how = f"has been at the same batch for {STUCK_S:g} s" if thread.is_alive() else "has died"
            log.error("the thread of voice detection %s: its calls go on without it", how)
            thread.left_behind = True
            self._left_behind.append(thread)
        self._left_behind = [one for one in self._left_behind if one.is_alive()]
        self._thread = self._hired() if len(self._left_behind) <= LEFT_BEHIND_MOST else None
        self._tally.restarts += self._thread is not None
        self._dispatch.thread = self._thread

    def _judge_by_loudness(self, overdue_since: float) -> None:
        assert self._dispatch
        overdue = [
            (stream, window)
            for stream in self._dispatch.streams
            for window in stream.waiting_since(overdue_since)
        ]
        if overdue:
            levels = loudness(as_windows([window.audio for _, window in overdue]))
            self._deliver([(*one, float(level)) for one, level in zip(overdue, levels, strict=True)])

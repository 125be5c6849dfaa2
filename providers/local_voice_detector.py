"""Voice activity for all calls on one thread.

    event loop                                   the thread
    push ── cut into windows ── gathered ──────▶ one line per call, one window of each call per batch
    on_windows ◀── one call_soon_threadsafe ───  one run of the network per batch

`push` does no more than cut bytes. A run of the network on one window costs almost what one on four does, and waking
the thread and the loop as much again; so windows wait for each other. One that is awaited goes at once, with all that
is there, or 2 ms after the last hand-over; the others wait for 12 ms at most, so that each is judged before the call's
next, a frame later at the earliest, is complete. Batches grow with the load. A call that catches up after a stall waits
behind itself, never before others: each batch takes one window of each call, at most 64, and the calls that it served
go to the back; calls that wait for a window make a batch of their own, which goes first.

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
from itertools import takewhile
from queue import SimpleQueue

import numpy as np

from providers.base import VoiceWindow, nobody_waits
from providers.local_silero import WINDOW_MS, SileroModel, SileroStates, as_windows
from providers.local_silero_graph import WINDOW
from providers.local_voice_thread import (
    BATCH,
    HandOver,
    Network,
    Result,
    Tally,
    VoiceThread,
    Window,
    loudness,
)
from providers.local_workers import p95_ms

log = logging.getLogger("callrelay.providers")

HAND_OVER_EVERY_S = 0.002
PATIENCE_S = 0.012
WAITING_WINDOWS = 1024  # per call: 33 s, more than any burst that a carrier's stream lets through
DEADLINE_S = 0.05
STUCK_S = 1.0
LOOK_EVERY_S = 0.025
LEFT_BEHIND_MOST = 3


class SileroStream:
    """One call's windows on their way; see `VoiceStream`. At most 1,024 wait, newer ones are dropped and counted."""

    __slots__ = ("_awaited", "_end_ms", "_on_windows", "_outbox", "_rest", "_told_ms", "_waiting", "dropped")

    def __init__(
        self,
        outbox: Outbox,
        on_windows: Callable[[Sequence[VoiceWindow]], None],
        awaited: Callable[[], bool],
    ) -> None:
        self._outbox = outbox
        outbox.streams.add(self)
        self._on_windows: Callable[[Sequence[VoiceWindow]], None] | None = on_windows
        self._awaited = awaited
        self._rest = b""
        self._end_ms = 0.0
        self._told_ms = 0.0
        self._waiting: deque[Window] = deque()
        self.dropped = 0

    def push(self, audio: bytes) -> None:
        if not self._on_windows:
            return
        audio = self._rest + audio
        while len(audio) >= WINDOW:
            self._send(audio[:WINDOW])
            audio = audio[WINDOW:]
        self._rest = audio

    def _send(self, audio: bytes) -> None:
        self._end_ms += WINDOW_MS
        if len(self._waiting) >= WAITING_WINDOWS:
            self.dropped += 1
            return
        window = Window(audio, self._end_ms, time.monotonic())
        self._waiting.append(window)
        self._outbox.add(self, window, awaited=self._awaited())

    def waiting_since(self, moment: float) -> list[Window]:
        """The windows that have come until then and were not judged yet, the oldest first."""
        return list(takewhile(lambda window: window.arrived <= moment, self._waiting))

    def deliver(self, window: Window, probability: float) -> None:
        """The result for a window, unless there was one before; on the event loop."""
        if window.end_ms <= self._told_ms:
            return
        self._told_ms = window.end_ms
        while self._waiting and self._waiting[0].end_ms <= window.end_ms:
            self._waiting.popleft()
        if self._on_windows:
            waited_ms = (time.monotonic() - window.arrived) * 1000
            self._on_windows([VoiceWindow(probability, window.end_ms, waited_ms)])

    def close(self) -> None:
        if self._on_windows:
            self._on_windows, self._awaited = None, nobody_waits
            self._waiting.clear()
            self._outbox.over(self)

    def __repr__(self) -> str:
        return (
            f"SileroStream(end_ms={self._end_ms:.0f}, waiting={len(self._waiting)}, dropped={self.dropped})"
        )


class Outbox:
    """On the event loop: gathers what all calls send, and wakes the thread once for it; `queue` None: there is none."""

    def __init__(self, queue: SimpleQueue[HandOver | None]) -> None:
        self.queue: SimpleQueue[HandOver | None] | None = queue
        self.streams: set[SileroStream] = set()
        self.loop = asyncio.get_running_loop()
        self._gathered = HandOver()
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = math.inf
        self._not_before = 0.0

    def add(self, stream: SileroStream, window: Window, *, awaited: bool) -> None:
        """Send with the next hand-over, which is soon if it is awaited."""
        self._gathered.windows.append((stream, window, awaited))
        self._hand_over_by(self._not_before if awaited else self.loop.time() + PATIENCE_S)

    def over(self, stream: SileroStream) -> None:
        """Nothing more comes from it, and nothing is to be told it."""
        self.streams.discard(stream)
        self._gathered.over.append(stream)
        self._hand_over_by(self.loop.time() + PATIENCE_S)

    def _hand_over_by(self, due_at: float) -> None:
        if due_at < self._due_at:
            if self._timer:
                self._timer.cancel()
            self._due_at = due_at
            self._timer = self.loop.call_at(due_at, self._hand_over)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, HandOver()
        self._timer, self._due_at = None, math.inf
        self._not_before = self.loop.time() + HAND_OVER_EVERY_S
        if self.queue:
            self.queue.put(gathered)


class SileroVoiceDetector:
    """See `VoiceDetector`. All streams belong to the event loop that opened the first one.

    Raises AssetError when the network's file is not installed.
    """

    def __init__(self, network: Network | None = None) -> None:
        self._network = network or SileroModel()
        self._outbox: Outbox | None = None
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
        return SileroStream(self._outbox or self._begin(), on_windows, awaited)

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def healthy(self) -> bool:
        """Whether the thread has not died, is not stuck, and the network did its part in the last batch."""
        return not self._outbox or not (self._later_than(STUCK_S) or self._tally.last_batch_failed)

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

    def _begin(self) -> Outbox:
        self._thread = self._hired()
        self._outbox = Outbox(self._thread.queue)
        self._look()
        return self._outbox

    def _hired(self) -> VoiceThread:
        return VoiceThread(self._network, asyncio.get_running_loop(), self._deliver, self._tally)

    def _deliver(self, results: Sequence[Result]) -> None:
        """What follows a call's failure comes on another turn of the loop: that is not theirs."""
        assert self._outbox
        self._results.extend(results)
        try:
            while self._results:
                stream, window, probability = self._results.popleft()
                stream.deliver(window, probability)
        finally:
            if self._results:
                self._outbox.loop.call_soon(self._deliver, ())

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
        assert self._outbox
        if thread := self._thread:
            how = f"has been at the same batch for {STUCK_S:g} s" if thread.is_alive() else "has died"
            log.error("the thread of voice detection %s: its calls go on without it", how)
            thread.left_behind = True
            self._left_behind.append(thread)
        self._left_behind = [one for one in self._left_behind if one.is_alive()]
        self._thread = self._hired() if len(self._left_behind) <= LEFT_BEHIND_MOST else None
        self._tally.restarts += self._thread is not None
        self._outbox.queue = self._thread.queue if self._thread else None

    def _judge_by_loudness(self, overdue_since: float) -> None:
        assert self._outbox
        overdue = [
            (stream, window)
            for stream in self._outbox.streams
            for window in stream.waiting_since(overdue_since)
        ]
        if overdue:
            levels = loudness(as_windows([window.audio for _, window in overdue]))
            self._deliver([(*one, float(level)) for one, level in zip(overdue, levels, strict=True)])

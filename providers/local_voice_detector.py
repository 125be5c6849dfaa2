"""Voice activity for all calls on one thread.

    event loop                                   the thread
    push ── cut into windows ── gathered ──────▶ one line per call, one window of each call per batch
    on_windows ◀── one call_soon_threadsafe ───  one run of the network per batch

`push` does no more than cut bytes. A run of the network on one window costs almost what one on four does, and waking
the thread and the loop as much again; so windows wait for each other. In a pause that follows speech every window may
end the turn, and goes at once, with all that is there, or 1 ms after the last hand-over; of speech and of long silence
nobody needs to know the same instant, and those windows wait for 8 ms at most. Batches grow with the load. A call that
catches up after a stall waits behind itself, never before others: each batch takes one window of each call, at most
64, and the calls that it served go to the back.

Fail-safe: when the network fails on a batch, those windows are judged by their loudness, their calls' memories start
afresh, and everybody keeps talking; `failures` counts it and `healthy` is false until a batch succeeds.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

import numpy as np

from providers.base import VoiceWindow
from providers.dsp import Samples
from providers.local_onnx import INFERENCE_ERRORS
from providers.local_silero import WINDOW, WINDOW_MS, SileroModel, SileroRows, SileroStates, as_windows

BATCH = 64
HAND_OVER_EVERY_S = 0.001
PATIENCE_S = 0.008
VOICED = 0.5
PAUSE_MS = 1300.0  # the longest that a turn's end is waited for is a little less
WAITING_WINDOWS = 1024  # per call: 33 s, more than any burst that a carrier's stream lets through
LOUD = 0.01  # RMS above which a window counts as speech when the network is not there to say


class Network(Protocol):
    """What the detector asks of `SileroModel`."""

    def infer(self, windows: Samples, states: SileroStates) -> tuple[Samples, SileroStates]: ...


class Window(NamedTuple):
    """`arrived` is in monotonic seconds."""

    audio: bytes
    end_ms: float
    arrived: float


class SileroStream:
    """One call's windows on their way; see `VoiceStream`. At most 1,024 wait, newer ones are dropped and counted."""

    def __init__(self, outbox: Outbox, on_windows: Callable[[Sequence[VoiceWindow]], None]) -> None:
        self._outbox = outbox
        self._on_windows: Callable[[Sequence[VoiceWindow]], None] | None = on_windows
        self._rest = b""
        self._end_ms = 0.0
        self._voiced_ms = -PAUSE_MS
        self._in_pause = False
        self._waiting = 0
        self.dropped = 0

    def push(self, audio: bytes) -> None:
        if not self._on_windows:
            return
        audio = self._rest + audio
        whole = len(audio) // WINDOW * WINDOW
        for start in range(0, whole, WINDOW):
            self._send(audio[start : start + WINDOW])
        self._rest = audio[whole:]

    def _send(self, window: bytes) -> None:
        self._end_ms += WINDOW_MS
        if self._waiting >= WAITING_WINDOWS:
            self.dropped += 1
            return
        self._waiting += 1
        self._outbox.add(self, Window(window, self._end_ms, time.monotonic()), urgent=self._in_pause)

    def deliver(self, window: Window, probability: float) -> None:
        """The result for a window; on the event loop."""
        self._waiting -= 1
        if probability >= VOICED:
            self._voiced_ms = window.end_ms
        self._in_pause = 0 < window.end_ms - self._voiced_ms <= PAUSE_MS
        if self._on_windows:
            waited_ms = (time.monotonic() - window.arrived) * 1000
            self._on_windows([VoiceWindow(probability, window.end_ms, waited_ms)])

    def close(self) -> None:
        if self._on_windows:
            self._on_windows = None
            self._outbox.add(self, None, urgent=False)

    def __repr__(self) -> str:
        return f"SileroStream(end_ms={self._end_ms:.0f}, waiting={self._waiting}, dropped={self.dropped})"


# A call's next window, or the call's end, without a window.
Message = tuple[SileroStream, Window | None]
# What came since the last hand-over; or the end of everything.
HandOver = list[Message] | None
_Judged = tuple[SileroStream, Window]
_Result = tuple[_Judged, float]


class Outbox:
    """On the event loop: gathers what all calls send, and wakes the thread once for it."""

    def __init__(self, queue: SimpleQueue[HandOver]) -> None:
        self._queue = queue
        self.loop = asyncio.get_running_loop()
        self._gathered: list[Message] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = math.inf
        self._not_before = 0.0

    def add(self, stream: SileroStream, window: Window | None, *, urgent: bool) -> None:
        """Send with the next hand-over, which is soon if it is urgent."""
        self._gathered.append((stream, window))
        due_at = self._not_before if urgent else self.loop.time() + PATIENCE_S
        if due_at < self._due_at:
            if self._timer:
                self._timer.cancel()
            self._due_at = due_at
            self._timer = self.loop.call_at(due_at, self._hand_over)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._timer, self._due_at = None, math.inf
        self._not_before = self.loop.time() + HAND_OVER_EVERY_S
        self._queue.put(gathered)


class SileroVoiceDetector:
    """See `VoiceDetector`. All streams belong to the event loop that opened the first one.

    Raises AssetError when the network's file is not installed.
    """

    def __init__(self, network: Network | None = None) -> None:
        self._network = network or SileroModel()
        self._queue: SimpleQueue[HandOver] = SimpleQueue()
        self._outbox: Outbox | None = None
        self._rows = SileroRows()
        self._row_of: dict[SileroStream, int] = {}
        self._lines: dict[SileroStream, deque[Window]] = {}
        self._thread = threading.Thread(target=self._run, name="voice-detector", daemon=True)
        self._results: deque[_Result] = deque()
        self._last_batch_failed = False
        self.failures = 0

    def open(self, on_windows: Callable[[Sequence[VoiceWindow]], None]) -> SileroStream:
        return SileroStream(self._started(), on_windows)

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def healthy(self) -> bool:
        """Whether the thread has not died and the network did its part in the last batch."""
        died = self._outbox and not self._thread.is_alive()
        return not died and not self._last_batch_failed

    @property
    def open_rows(self) -> int:
        """How many calls hold memory in the network."""
        return self._rows.used

    async def warm_up(self) -> None:
        """Run the network once at each end of its batch sizes, so that the first call does not pay for it."""
        for count in (1, BATCH):
            states = SileroStates.fresh(count)
            await asyncio.to_thread(self._network.infer, np.zeros((count, WINDOW), np.float32), states)

    async def aclose(self) -> None:
        """End the thread, after what it has begun. Idempotent."""
        self._queue.put(None)
        if self._outbox:
            await asyncio.to_thread(self._thread.join)

    def _started(self) -> Outbox:
        if not self._outbox:
            self._outbox = Outbox(self._queue)
            self._thread.start()
        return self._outbox

    # From here on, everything runs on the thread, and the rows and lines are its own.

    def _run(self) -> None:
        while self._receive():
            batch = self._next_batch()
            probabilities = self._judge(batch)
            if batch and not self._hand_back(batch, probabilities):
                return

    def _receive(self) -> bool:
        """Take in all that has come, waiting for it when there is nothing else to do. False: the end."""
        try:
            messages = self._queue.get(block=not self._lines)
            while messages is not None:
                for message in messages:
                    self._sort(*message)
                messages = self._queue.get_nowait()
            return False
        except Empty:
            return True

    def _sort(self, stream: SileroStream, window: Window | None) -> None:
        if window:
            self._lines.setdefault(stream, deque()).append(window)
            return
        self._lines.pop(stream, None)
        row = self._row_of.pop(stream, None)
        if row is not None:
            self._rows.release(row)

    def _next_batch(self) -> list[_Judged]:
        batch = []
        for stream in list(islice(self._lines, BATCH)):
            line = self._lines.pop(stream)
            batch.append((stream, line.popleft()))
            if line:
                self._lines[stream] = line
        return batch

    def _judge(self, batch: list[_Judged]) -> list[float]:
        if not batch:
            return []
        rows = [self._row(stream) for stream, _ in batch]
        windows = as_windows([window.audio for _, window in batch])
        try:
            probabilities, states = self._network.infer(windows, self._rows.get(rows))
            self._last_batch_failed = False
        except INFERENCE_ERRORS:
            self.failures += 1
            self._last_batch_failed = True
            states = SileroStates.fresh(len(batch))
            probabilities = (np.sqrt(np.mean(windows**2, axis=1)) > LOUD).astype(np.float32)
        self._rows.put(rows, states)
        return [float(probability) for probability in probabilities]

    def _row(self, stream: SileroStream) -> int:
        if stream not in self._row_of:
            self._row_of[stream] = self._rows.take()
        return self._row_of[stream]

    def _hand_back(self, batch: list[_Judged], probabilities: list[float]) -> bool:
        """Tell the event loop; False when it is closed, for then nobody listens any more."""
        assert self._outbox
        try:
            self._outbox.loop.call_soon_threadsafe(self._deliver, zip(batch, probabilities, strict=True))
        except RuntimeError:
            return False
        return True

    def _deliver(self, results: Iterable[_Result]) -> None:
        """On the event loop again. What follows a call's failure comes on another turn of it: that is not theirs."""
        assert self._outbox
        self._results.extend(results)
        try:
            while self._results:
                (stream, window), probability = self._results.popleft()
                stream.deliver(window, probability)
        finally:
            if self._results:
                self._outbox.loop.call_soon(self._deliver, ())

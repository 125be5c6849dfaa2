"""The thread on which Silero judges the windows of all calls, and what the event loop can do and see from outside."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from providers.dsp import Samples
from providers.local_onnx import INFERENCE_ERRORS
from providers.local_silero import WINDOW_MS, SileroRows, SileroStates, as_windows

if TYPE_CHECKING:
    from providers.local_voice_stream import SileroStream

BATCH = 64
TIMES_KEPT = 500
DEADLINE_S = 0.05
LOUD = 0.01  # RMS above which a window counts as speech when the network is not there to say


class Network(Protocol):
    """What the detector asks of `SileroModel`."""

    def infer(self, windows: Samples, states: SileroStates) -> tuple[Samples, SileroStates]: ...


class Window(NamedTuple):
    """`arrived` is in monotonic seconds."""

    audio: bytes
    end_ms: float
    arrived: float


Message = tuple["SileroStream", Window]


@dataclass(slots=True)
class HandOver:
    """What came since the last one, in order; and then the calls that are over."""

    windows: list[Message] = field(default_factory=list)
    over: list[SileroStream] = field(default_factory=list)


Result = tuple["SileroStream", Window, float]


@dataclass(slots=True)
class Tally:
    """What the threads did, one after the other: what one does that was left behind is not told."""

    batches: int = 0
    late: int = 0
    failures: int = 0
    restarts: int = 0
    last_batch_failed: bool = False
    took_s: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES_KEPT), repr=False)

    def batch_over(self, took_s: float, *, failed: bool) -> None:
        self.took_s.append(took_s)
        self.failures += failed
        self.last_batch_failed = failed


def loudness(windows: Samples) -> Samples:
    """Probabilities by nothing but the level: 1 or 0 for each window."""
    loud: Samples = (np.sqrt(np.mean(windows**2, axis=1)) > LOUD).astype(np.float32)
    return loud


class VoiceThread(threading.Thread):
    """Begins at once, and ends when it has been left behind. `deliver` is called on the loop with a batch's results.

    Each batch takes one window of each call, at most 64, and the calls that it served go to the back.
    """

    def __init__(
        self,
        network: Network,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[Sequence[Result]], None],
        tally: Tally,
    ) -> None:
        super().__init__(name="voice-detector", daemon=True)
        self.queue: SimpleQueue[HandOver | None] = SimpleQueue()
        self.rows = SileroRows()
        self.left_behind = False
        self._tally = tally
        self._network = network
        self._loop = loop
        self._deliver = deliver
        self._row_of: dict[SileroStream, int] = {}
        self._remembered_ms: dict[SileroStream, float] = {}
        self._next: dict[SileroStream, Window] = {}
        self._behind: dict[SileroStream, deque[Window]] = {}
        self._began_at: float | None = None
        self.start()

    @property
    def busy_s(self) -> float:
        """For how long it has been at the same batch, 0 when it is at none."""
        began_at = self._began_at
        return 0.0 if began_at is None else time.monotonic() - began_at

    def judge(self, stream: SileroStream, window: Window) -> float | None:
        """The probability of a window at once, on the thread of the event loop.

        None where that cannot be: the call's memory does not end where the window begins, or the network is at fault.
        """
        row = self._row_of.get(stream)
        follows = self._remembered_ms.get(stream) == window.end_ms - WINDOW_MS
        if row is None or not follows or self._tally.last_batch_failed or self.busy_s > DEADLINE_S:
            return None
        with self.rows.lock:
            try:
                probabilities, states = self._network.infer(as_windows([window.audio]), self.rows.get([row]))
            except INFERENCE_ERRORS:
                return None
            self.rows.put([row], states)
        self._remembered_ms[stream] = window.end_ms
        return float(probabilities[0])

    def run(self) -> None:
        while not self.left_behind and self._receive():
            batch = self._next_batch()
            probabilities = self._judge(batch)
            if batch and not self._hand_back(batch, probabilities):
                return

    def _receive(self) -> bool:
        """Take in all that has come, waiting for it when there is nothing else to do. False: the end."""
        try:
            hand_over = self.queue.get(block=not self._next)
            while hand_over:
                for message in hand_over.windows:
                    self._sort(*message)
                for stream in hand_over.over:
                    self._forget(stream)
                hand_over = self.queue.get_nowait()
            return False
        except Empty:
            return True

    def _sort(self, stream: SileroStream, window: Window) -> None:
        if stream in self._next:
            self._behind.setdefault(stream, deque()).append(window)
        else:
            self._next[stream] = window

    def _forget(self, stream: SileroStream) -> None:
        for line in (self._next, self._behind):
            line.pop(stream, None)
        self._remembered_ms.pop(stream, None)
        row = self._row_of.pop(stream, None)
        if row is not None:
            self.rows.release(row)

    def _next_batch(self) -> list[tuple[SileroStream, Window]]:
        batch = list(islice(self._next.items(), BATCH))
        for stream, _ in batch:
            del self._next[stream]
            if line := self._behind.get(stream):
                self._next[stream] = line.popleft()
                if not line:
                    del self._behind[stream]
        return batch

    def _judge(self, batch: list[tuple[SileroStream, Window]]) -> list[float]:
        if not batch:
            return []
        self._tally.batches += 1
        self._began_at = began_at = time.monotonic()
        rows = [self._row(stream) for stream, _ in batch]
        windows, failed = as_windows([window.audio for _, window in batch]), False
        try:
            probabilities, states = self._network.infer(windows, self.rows.get(rows))
        except INFERENCE_ERRORS:
            failed = True
            probabilities, states = loudness(windows), SileroStates.fresh(len(batch))
        self.rows.put(rows, states)
        self._remembered_ms.update((stream, window.end_ms) for stream, window in batch)
        if not self.left_behind:
            self._tally.batch_over(time.monotonic() - began_at, failed=failed)
        self._began_at = None
        judged: list[float] = probabilities.tolist()
        return judged

    def _row(self, stream: SileroStream) -> int:
        row = self._row_of.get(stream)
        if row is None:
            row = self._row_of[stream] = self.rows.take()
        return row

    def _hand_back(self, batch: list[tuple[SileroStream, Window]], probabilities: list[float]) -> bool:
        """Tell the event loop; False when it is closed, for then nobody listens any more."""
        results = [(*judged, probability) for judged, probability in zip(batch, probabilities, strict=True)]
        try:
            self._loop.call_soon_threadsafe(self._deliver, results)
        except RuntimeError:
            return False
        return True

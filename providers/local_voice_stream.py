"""One call's windows on their way to Silero, and where they are judged: for all calls together, or at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile

from providers.base import VoiceWindow, nobody_waits
from providers.local_silero import WINDOW_MS
from providers.local_silero_graph import WINDOW
from providers.local_voice_thread import BATCH, HandOver, VoiceThread, Window

PATIENCE_S = 0.012
# how much of the event loop's time may go into windows that are judged on it, and for how long at a stretch
LOOP_SHARE = 0.1
CREDIT_S = 0.005
WAITING_WINDOWS = 1024  # per call: 33 s, more than any burst that a carrier's stream lets through


class SileroStream:
    """One call's windows on their way; see `VoiceStream`. At most 1,024 wait, newer ones are dropped and counted."""

    __slots__ = (
        "_awaited",
        "_dispatch",
        "_end_ms",
        "_on_windows",
        "_rest",
        "_told_ms",
        "_waiting",
        "dropped",
    )

    def __init__(
        self,
        dispatch: Dispatch,
        on_windows: Callable[[Sequence[VoiceWindow]], None],
        awaited: Callable[[], bool],
    ) -> None:
        self._dispatch = dispatch
        dispatch.streams.add(self)
        self._on_windows: Callable[[Sequence[VoiceWindow]], None] | None = on_windows
        self._awaited = awaited
        self._rest = b""
        self._end_ms = 0.0
        self._told_ms = 0.0
        self._waiting: deque[Window] = deque()
        self.dropped = 0

    def push(self, audio: bytes) -> None:
        audio, self._rest = self._rest + audio, b""
        while len(audio) >= WINDOW:
            self._send(audio[:WINDOW])
            audio = audio[WINDOW:]
        if self._on_windows:
            self._rest = audio

    def _send(self, audio: bytes) -> None:
        if self._on_windows is None:
            return
        self._end_ms += WINDOW_MS
        if len(self._waiting) >= WAITING_WINDOWS:
            self.dropped += 1
            return
        window = Window(audio, self._end_ms, time.monotonic())
        awaited, probability = self._awaited(), None
        if awaited and not self._waiting:
            probability = self._dispatch.judge(self, window)
        if probability is None:
            self._waiting.append(window)
            self._dispatch.add(self, window, awaited=awaited)
        else:
            self.deliver(window, probability)

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
            self._dispatch.over(self)

    def __repr__(self) -> str:
        return (
            f"SileroStream(end_ms={self._end_ms:.0f}, waiting={len(self._waiting)}, dropped={self.dropped})"
        )


class Dispatch:
    """On the event loop: gathers what all calls send, and wakes the thread once for it; `thread` None: there is none.

    What is awaited is judged at once, as long as that takes no more than a tenth of the loop's time.
    """

    def __init__(self, thread: VoiceThread) -> None:
        self.thread: VoiceThread | None = thread
        self.streams: set[SileroStream] = set()
        self.loop = asyncio.get_running_loop()
        self._gathered = HandOver()
        self._timer: asyncio.TimerHandle | None = None
        self._credit_s = CREDIT_S
        self._credited_at = time.monotonic()

    def judge(self, stream: SileroStream, window: Window) -> float | None:
        """The probability of a window that is awaited; None: it has to go to the thread."""
        began_at = time.monotonic()
        earned_s = (began_at - self._credited_at) * LOOP_SHARE
        self._credit_s, self._credited_at = min(CREDIT_S, self._credit_s + earned_s), began_at
        if self._credit_s <= 0 or self.thread is None:
            return None
        probability = self.thread.judge(stream, window)
        self._credit_s -= time.monotonic() - began_at
        return probability

    def add(self, stream: SileroStream, window: Window, *, awaited: bool) -> None:
        """Hand it over: at once if it is awaited, else with those of the next 12 ms, or that fill a batch before."""
        self._gathered.windows.append((stream, window))
        if awaited or len(self._gathered.windows) >= BATCH:
            self._hand_over()
        else:
            self._hand_over_soon()

    def over(self, stream: SileroStream) -> None:
        """Nothing more comes from it, and nothing is to be told it."""
        self.streams.discard(stream)
        self._gathered.over.append(stream)
        self._hand_over_soon()

    def _hand_over_soon(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(PATIENCE_S, self._hand_over)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, HandOver()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self.thread:
            self.thread.queue.put(gathered)

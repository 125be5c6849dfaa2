"""The embedded engines without threads: everything is worked out at once, where it is asked for.

For virtual time, which stands still meanwhile: what comes of a call does not depend on how fast or how busy the machine
is. A server must not use these, for they hold up its event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from providers.base import VoiceWindow, nobody_waits
from providers.local_silero import WINDOW_MS, SileroModel, SileroStates, as_windows
from providers.local_silero_graph import WINDOW
from providers.local_workers import InferenceWorkers, settle

T = TypeVar("T")


class StillWorkers(InferenceWorkers):
    """Does what somebody waits for at once. What is merely nice to know is never begun, as on a busy machine."""

    def submit(self, work: Callable[[], T], *, urgent: bool = True) -> Future[T]:
        future: Future[T] = Future()
        if urgent:
            settle(future, work)
        return future


class StillVoiceDetector:
    """See `VoiceDetector`: Silero, which judges each window inside `push`.

    Raises AssetError when the network's file is not installed.
    """

    def __init__(self) -> None:
        self._network = SileroModel()

    @property
    def name(self) -> str:
        return "embedded"

    def open(
        self, on_windows: Callable[[Sequence[VoiceWindow]], None], awaited: Callable[[], bool] = nobody_waits
    ) -> StillVoiceStream:
        return StillVoiceStream(self._network, on_windows)

    @property
    def healthy(self) -> bool:
        return True

    async def warm_up(self) -> None:
        """Nothing waits for it."""

    async def aclose(self) -> None:
        """Nothing to release."""


class StillVoiceStream:
    """See `VoiceStream`."""

    def __init__(self, network: SileroModel, on_windows: Callable[[Sequence[VoiceWindow]], None]) -> None:
        self._network = network
        self._on_windows: Callable[[Sequence[VoiceWindow]], None] | None = on_windows
        self._states = SileroStates.fresh(1)
        self._rest = b""
        self._end_ms = 0.0

    def push(self, audio: bytes) -> None:
        self._rest += audio
        while self._on_windows and len(self._rest) >= WINDOW:
            window, self._rest = self._rest[:WINDOW], self._rest[WINDOW:]
            probabilities, self._states = self._network.infer(as_windows([window]), self._states)
            self._end_ms += WINDOW_MS
            self._on_windows([VoiceWindow(float(probabilities[0]), self._end_ms, 0.0)])

    def close(self) -> None:
        self._on_windows = None

"""Silero VAD v6 on onnxruntime: the network and its memory, without time.

Works at 8 kHz on windows of 256 samples (32 ms). It sees each window behind the last 32 samples of the one before,
and carries a hidden state of 2 x 128 numbers per call; a batch of calls goes through in one run.
Source: https://github.com/snakers4/silero-vad (`src/silero_vad/utils_vad.py`, OnnxWrapper).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from providers import weights
from providers.dsp import Samples, from_mulaw
from providers.local_onnx import load_session
from providers.local_silero_graph import CONTEXT, HIDDEN, WINDOW, silero_graph

WINDOW_MS = WINDOW / 8
FIRST_CAPACITY = 64


@dataclass(frozen=True, slots=True)
class SileroStates:
    """The memory of n calls: `hidden` is (2, n, 128), `context` the last 32 samples of each, (n, 32)."""

    hidden: Samples
    context: Samples

    @staticmethod
    def fresh(count: int) -> SileroStates:
        """The memory of `count` calls that have heard nothing."""
        return SileroStates(np.zeros((2, count, HIDDEN), np.float32), np.zeros((count, CONTEXT), np.float32))


class SileroModel:
    """The network. Raises AssetError when its file is not installed."""

    def __init__(self) -> None:
        self._session = load_session(silero_graph(weights.path("silero_vad.onnx")))

    def infer(self, windows: Samples, states: SileroStates) -> tuple[Samples, SileroStates]:
        """Speech probabilities (n,) of n calls' next windows (n, 256), and the calls' memories afterwards."""
        feed = {"context": states.context, "windows": windows, "state": states.hidden}
        probabilities, hidden = self._session.run(None, feed)
        return probabilities[:, 0], SileroStates(hidden, windows[:, -CONTEXT:])


class SileroRows:
    """One row of memory per open call. Doubles when it is full, and never shrinks: a row is 1,152 bytes.

    It belongs to one thread; another may use a row that this one leaves alone, while it holds the `lock`.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._states = SileroStates.fresh(FIRST_CAPACITY)
        self._free = list(range(FIRST_CAPACITY))

    @property
    def capacity(self) -> int:
        """How many calls fit before it grows again."""
        return len(self._states.context)

    @property
    def used(self) -> int:
        """How many calls hold a row."""
        return self.capacity - len(self._free)

    def take(self) -> int:
        """A fresh row's number."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.put([row], SileroStates.fresh(1))
        return row

    def release(self, row: int) -> None:
        """Give a row back."""
        self._free.append(row)

    def get(self, rows: list[int]) -> SileroStates:
        """The memories in `rows`."""
        return SileroStates(self._states.hidden.take(rows, axis=1), self._states.context.take(rows, axis=0))

    def put(self, rows: list[int], states: SileroStates) -> None:
        """Replace the memories in `rows`."""
        self._states.hidden[:, rows] = states.hidden
        self._states.context[rows] = states.context

    def _grow(self) -> None:
        more = SileroStates.fresh(self.capacity)
        self._free.extend(range(self.capacity, 2 * self.capacity))
        with self.lock:
            self._states = SileroStates(
                np.concatenate([self._states.hidden, more.hidden], axis=1),
                np.concatenate([self._states.context, more.context]),
            )


def as_windows(chunks: list[bytes]) -> Samples:
    """Windows of μ-law, 256 bytes each, as samples (n, 256)."""
    return from_mulaw(b"".join(chunks)).reshape(-1, WINDOW)

"""Has the caller finished, or only stopped for breath? smart-turn v3.2 judges by how it sounds: melody, pace, endings.

It knows 23 languages and no words. It looks at the last 8 s of the caller's audio, which should end with the first
short silence; what is missing before them is silence.
Source: https://github.com/pipecat-ai/smart-turn (`inference.py`).
"""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import onnxruntime

from providers import weights
from providers.dsp import RATE_HZ, from_mulaw
from providers.local_onnx import load_session
from providers.local_workers import InferenceWorkers
from providers.log_mel import log_mel

WINDOW = 8 * RATE_HZ


class SmartTurnModel:
    """The network. Raises AssetError when its file is not installed. Safe to use from several threads at once."""

    def __init__(self) -> None:
        self._session: onnxruntime.InferenceSession = load_session(weights.path("smart-turn-v3.2-cpu.onnx"))

    def probability(self, audio: bytes) -> float:
        """How likely the turn is complete, 0..1, from μ-law audio up to the silence after it."""
        heard = from_mulaw(audio[-WINDOW:])
        samples = np.zeros(WINDOW, np.float32)
        samples[WINDOW - len(heard) :] = heard
        samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        [[[probability]]] = self._session.run(None, {"input_features": log_mel(samples)[None]})
        return float(probability)


class EmbeddedEndOfTurnDetector:
    """See `EndOfTurnDetector`. The network is loaded by `warm_up`, or by the first question.

    Raises AssetError when it is not installed.
    """

    def __init__(self, workers: InferenceWorkers) -> None:
        weights.path("smart-turn-v3.2-cpu.onnx")
        self._workers = workers
        self._lock = threading.Lock()
        self._model: SmartTurnModel | None = None

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def healthy(self) -> bool:
        return self._workers.healthy

    async def probability(self, audio: bytes) -> float:
        return await self._workers.run(partial(self._judge, audio))

    async def warm_up(self) -> None:
        """Load the network and ask it once. Raises ProviderError."""
        await self.probability(b"")

    async def aclose(self) -> None:
        """The workers belong to whoever made them."""

    def _judge(self, audio: bytes) -> float:
        with self._lock:
            self._model = self._model or SmartTurnModel()
        return self._model.probability(audio)

"""How near sentences are in meaning, by multilingual-e5-small on this machine: some 25 ms a sentence on one core.

The model's vectors all point much the same way, so that even strangers seem alike. What they have in common is
measured on sentences about anything at all, and taken off: only then does nearness mean meaning.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from providers import weights
from providers.local_sentence_encoder import SentenceEncoder, Vector
from providers.local_workers import InferenceWorkers

WEIGHTS = "e5-small-q4.bin"
# the sentences of all flows that are kept; an utterance's vector never is
MOST_KNOWN = 20_000
ANYTHING = (
    "The train leaves from platform four.",
    "I am looking for a red jacket.",
    "How long does delivery take?",
    "The children are playing in the garden.",
    "I want to buy a ticket for the concert.",
    "Give me a moment, the doorbell is ringing.",
    "What is my account balance?",
    "Cancel my order.",
    "Hello, can you hear me?",
    "La sopa necesita más sal.",
    "Tengo que renovar el pasaporte.",
    "Quiero anular mi pedido.",
    "¿Es este el banco?",
    "Il fait très beau aujourd'hui.",
    "Je veux annuler ma commande.",
    "Mein Bruder wohnt in Kanada.",
    "Ich möchte eine Fahrkarte kaufen.",
    "Vorrei comprare un biglietto.",
)


class EmbeddedSimilarity:
    """See `SimilarityModel`. The model is loaded by the first use. Raises AssetError when it is not installed."""

    def __init__(self, workers: InferenceWorkers) -> None:
        weights.path(WEIGHTS)
        self._workers = workers
        self._lock = threading.Lock()
        self._encoder: SentenceEncoder | None = None
        self._common = np.zeros(0, np.float32)
        self._known: dict[str, Vector] = {}

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def healthy(self) -> bool:
        return self._workers.healthy

    async def prepare(self, sentences: Sequence[str]) -> None:
        """One by one, so that no caller waits for more than one of them."""
        for sentence in sentences:
            await self._workers.run(partial(self._learn, sentence), urgent=False)

    async def similarities(self, text: str, sentences: Sequence[str]) -> Sequence[float]:
        return await self._workers.run(partial(self._compare, text, sentences))

    async def warm_up(self) -> None:
        """Load the model. Raises ProviderError."""
        await self._workers.run(self._model)

    async def aclose(self) -> None:
        """The workers belong to whoever made them."""

    def _model(self) -> SentenceEncoder:
        with self._lock:
            if self._encoder is None:
                # as many workers as cores compute already: threads of numpy's own only get into their way
                threadpool_limits(1, user_api="blas")
                encoder = SentenceEncoder(weights.path(WEIGHTS))
                self._common = np.mean([encoder.encode(one) for one in ANYTHING], axis=0)
                self._encoder = encoder
            return self._encoder

    def _vector(self, text: str) -> Vector:
        own: Vector = self._model().encode(text) - self._common
        return own / np.linalg.norm(own)

    def _learn(self, sentence: str) -> Vector:
        vector = self._known.get(sentence)
        if vector is None:
            vector = self._vector(sentence)
            if len(self._known) < MOST_KNOWN:
                self._known[sentence] = vector
        return vector

    def _compare(self, text: str, sentences: Sequence[str]) -> list[float]:
        own = self._vector(text)
        return [float(own @ self._learn(sentence)) for sentence in sentences]

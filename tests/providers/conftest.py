"""The embedded engines, loaded once for all tests, and speech for them to work on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from providers.local_decoders import SharedWhisper
from providers.local_hibari import HibariVoice
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_workers import InferenceWorkers

SENTENCE = "Your appointment is confirmed for Tuesday at three."


@pytest.fixture(scope="session")
def workers() -> Iterator[InferenceWorkers]:
    workers = InferenceWorkers()
    yield workers
    asyncio.run(workers.aclose())


@pytest.fixture(scope="session")
def transcriber(workers: InferenceWorkers) -> EmbeddedTranscriber:
    return EmbeddedTranscriber(workers)


@pytest.fixture(scope="session")
def synthesizer(workers: InferenceWorkers) -> EmbeddedSynthesizer:
    return EmbeddedSynthesizer(workers)


@pytest.fixture(scope="session")
def whisper() -> SharedWhisper:
    return SharedWhisper(1)


@pytest.fixture(scope="session")
def voice() -> HibariVoice:
    return HibariVoice()


@pytest.fixture(scope="session")
def speech(voice: HibariVoice) -> bytes:
    """SENTENCE in μ-law, without silence around it."""
    return voice.speak(SENTENCE)

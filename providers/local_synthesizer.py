"""Text to speech without a key or a network: `EmbeddedSynthesizer`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Protocol

from app.errors import Refused
from providers.base import Voice
from providers.dsp import BYTES_PER_MS, SILENCE
from providers.local_hibari import HibariVoice
from providers.local_pico import pico_voices
from providers.local_workers import InferenceWorkers
from providers.spoken_text import sentences

BETWEEN_SENTENCES = SILENCE * 150 * BYTES_PER_MS


class Speaker(Protocol):
    """A voice of one language. Runs on a worker thread, maybe several times at once."""

    name: str

    def speak(self, sentence: str) -> bytes:
        """μ-law for one sentence, empty when there is nothing to say in it."""
        ...


class EmbeddedSynthesizer:
    """See `Synthesizer`. Speaks sentence by sentence, the first one as soon as it is made."""

    def __init__(self, workers: InferenceWorkers) -> None:
        self._workers = workers
        self._voices: dict[str, Speaker] = {"en": HibariVoice(), **pico_voices()}

    @property
    def name(self) -> str:
        return "embedded"

    def voice(self, language: str) -> Voice | None:
        language = language.partition("-")[0]
        return Voice(self._voices[language].name, language) if language in self._voices else None

    @property
    def default_voice(self) -> Voice:
        return Voice(self._voices["en"].name, "en")

    @property
    def healthy(self) -> bool:
        return self._workers.healthy

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        speaker = self._voices.get(voice.language)
        if not speaker:
            raise Refused(f"no embedded voice speaks {voice.language!r}; there are {', '.join(self._voices)}")
        pause = b""
        for sentence in sentences(text, voice.language):
            audio = await self._workers.run(partial(speaker.speak, sentence))
            if audio:
                yield pause + audio
                pause = BETWEEN_SENTENCES

    async def warm_up(self) -> None:
        """Load the voices and let each say something, unheard. Raises ProviderError."""
        for speaker in self._voices.values():
            await self._workers.run(partial(speaker.speak, "This is a test, number 27."))

    async def aclose(self) -> None:
        """The workers belong to whoever made them."""

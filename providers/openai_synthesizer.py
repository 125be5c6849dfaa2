"""Text to speech by OpenAI: `OpenAISynthesizer`. Audio comes at 24 kHz and goes to the telephone's rate as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack

import httpx2
import numpy as np
import openai

from app.errors import BrokenStream, ProviderError, Refused, TimedOut
from providers.base import Voice
from providers.dsp import Decimator, Samples, to_mulaw
from providers.openai_speech import LANGUAGES, NAME, speech_error
from providers.patience import patience

FACTOR = 3  # 24 kHz to 8 kHz
FIRST_AUDIO_S = 2.5
STALL_S = 0.3
SHORTEST_BYTES = 2 * 240  # 10 ms: anything shorter is no speech


class OpenAISynthesizer:
    """See `Synthesizer`. One voice speaks every language that `voices` name no other for.

    `client` belongs to whoever made it.
    """

    def __init__(
        self, client: openai.AsyncOpenAI, model: str, voice: str, voices: Mapping[str, str] | None = None
    ) -> None:
        self._client = client
        self._model = model
        self._voice = voice
        self._voices = voices or {}

    @property
    def name(self) -> str:
        return "openai"

    def voice(self, language: str) -> Voice | None:
        language = language.partition("-")[0]
        return Voice(self._voices.get(language, self._voice), language) if language in LANGUAGES else None

    @property
    def default_voice(self) -> Voice:
        return Voice(self._voice, "en")

    @property
    def healthy(self) -> bool:
        return True

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        if not any(map(str.isalnum, text)):
            return
        decimator, odd, came = Decimator(FACTOR), b"", 0
        async with AsyncExitStack() as answer:
            try:
                async with patience(FIRST_AUDIO_S):
                    response = await answer.enter_async_context(self._request(text, voice))
                    chunks = response.iter_bytes()
                    chunk = await anext(chunks, b"")
                while chunk:
                    came += len(chunk)
                    pcm = odd + chunk
                    odd = pcm[len(pcm) // 2 * 2 :]
                    if audio := to_mulaw(decimator.push(_samples(pcm[: len(pcm) // 2 * 2]))):
                        yield audio
                    async with patience(STALL_S):
                        chunk = await anext(chunks, b"")
            except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as error:
                raise _failure(error, came) from None
        if came < SHORTEST_BYTES:
            raise Refused(f"{NAME}: it made no audio of a text")
        yield to_mulaw(decimator.flush())

    def _request(self, text: str, voice: Voice):  # type: ignore[no-untyped-def]
        return self._client.audio.speech.with_streaming_response.create(
            model=self._model, voice=voice.name, input=text, response_format="pcm"
        )

    async def warm_up(self) -> None:
        """Connect, so that the first words need no handshake. A service that is down is no hindrance."""
        try:
            async with asyncio.timeout(FIRST_AUDIO_S):
                await self._client.models.list()
        except (openai.OpenAIError, httpx2.HTTPError, TimeoutError):
            return

    async def aclose(self) -> None:
        """The client belongs to whoever made it."""


def _samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def _failure(error: Exception, came: int) -> ProviderError:
    told = speech_error(error)
    if came and isinstance(told, TimedOut):
        return BrokenStream(f"{NAME}: it stopped in mid-speech")
    return told

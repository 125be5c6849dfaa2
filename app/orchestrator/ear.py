"""One recogniser of a chain, one stream of it, and what a caller has just said, for those who come to it late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from app.audio.g711 import BYTES_PER_MS, SILENCE
from app.clock import Clock
from app.errors import ProviderError, TimedOut
from app.orchestrator.provider import Provider, provider_attempt
from providers.base import Hypothesis, Transcriber, TranscriptionStream
from providers.patience import patience

PRE_ROLL_BYTES = 400 * BYTES_PER_MS
REPLAYED_BYTES = 30_000 * BYTES_PER_MS
CLOSE_S = 1.0
PROBATION_S = 1.0
PROBE_S = 2.5


class EarProvider(Provider[Transcriber]):
    """See above."""

    def __init__(self, transcriber: Transcriber, clock: Clock) -> None:
        super().__init__("transcriber", transcriber, clock)

    @property
    def _probe_s(self) -> float:
        return PROBE_S

    async def _ask(self) -> None:
        language = min(self.engine.languages)
        stream = await self.engine.open(language, on_partial=lambda _: None)
        try:
            stream.push(SILENCE * PRE_ROLL_BYTES)
            await asyncio.sleep(PROBATION_S)
        finally:
            await stream.aclose()
        if stream.failure:
            raise stream.failure


Listen = Callable[[EarProvider, Callable[[Hypothesis], None]], Awaitable[TranscriptionStream]]


class Ear:
    """A stream of a recogniser, and its last words in this utterance."""

    def __init__(self, provider: EarProvider) -> None:
        self.provider = provider
        self.words: Hypothesis | None = None
        self.stream: TranscriptionStream

    async def open(self, listen: Listen, heard: Callable[[Hypothesis], None], within_s: float | None) -> None:
        """Begin to listen. Raises ProviderError."""
        try:
            async with patience(within_s):
                with provider_attempt(self.name):
                    self.stream = await listen(self.provider, heard)
        except TimeoutError:
            raise TimedOut(f"{self.name} does not begin to listen within {within_s} s") from None

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def text(self) -> str:
        return self.words.text if self.words else ""

    @property
    def partials(self) -> bool:
        return self.provider.engine.partials

    async def hypothesis(self) -> Hypothesis:
        with provider_attempt(self.name):
            return await self.stream.hypothesis()

    async def finish(self) -> Hypothesis:
        with provider_attempt(self.name):
            return await self.stream.finish()

    async def aclose(self) -> None:
        """Let go of it in bounded time, whatever it says."""
        with suppress(TimeoutError, ProviderError):
            async with asyncio.timeout(CLOSE_S):
                await self.stream.aclose()


@dataclass(slots=True)
class Utterance:
    """What is known of one while it lasts, and until its words are there.

    `joined`: the standby hears it as well. `speech_ms` is how much was said, `words_ms` how much since the last new
    words.
    """

    paused: bool = False
    joined: bool = False
    speech_ms: float = 0.0
    words_ms: float = 0.0


class Recent:
    """The audio of the utterance under way, and what came right before it."""

    def __init__(self) -> None:
        self._audio = bytearray()

    def push(self, audio: bytes, *, speaking: bool) -> None:
        self._audio += audio
        kept = REPLAYED_BYTES if speaking else PRE_ROLL_BYTES
        if len(self._audio) > kept + PRE_ROLL_BYTES:
            del self._audio[:-kept]

    def utterance_started(self) -> None:
        del self._audio[:-PRE_ROLL_BYTES]

    def utterance_over(self) -> bytes:
        """All of it; what may come right before the next is kept."""
        said = self.audio
        del self._audio[:-PRE_ROLL_BYTES]
        return said

    @property
    def audio(self) -> bytes:
        return bytes(self._audio)


def replay(said: bytes, stream: TranscriptionStream, *, paused: bool) -> None:
    """Tell a stream of an utterance from its beginning; `said` begins with what came right before it."""
    stream.push(said[:PRE_ROLL_BYTES])
    stream.utterance_started()
    stream.push(said[PRE_ROLL_BYTES:])
    if paused:
        stream.utterance_paused()

"""Several voices that sound like one conversation: `FailoverSynthesizer`.

When a voice dies or stalls in mid-utterance, the next goes on with the first word that was not heard to its end:
what the broken voice tells of it, or else what its usual rate says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from copy import copy
from typing import Any

from app.clock import Clock
from app.errors import BrokenStream, ProviderError, Refused, TimedOut
from app.orchestrator.breaker import Breaker
from app.orchestrator.routes import Routes
from app.orchestrator.speaking_rate import SpeakingRate
from app.orchestrator.speech_provider import OnSwitch, SpeechProvider, Switch, unwatched
from providers.base import Synthesizer, Voice

BYTES_PER_MS = 8
FIRST_CHUNK_S = 0.4  # of each but the last: the speaker gives up after 3 s, and the last must get its turn
NEXT_CHUNK_S = 0.45
PROBE_EVERY_S = 1.0
PROBE_TEXT = "One."


class _Engine:
    """A synthesizer of the chain, and what is known of it."""

    def __init__(self, synthesizer: Synthesizer, clock: Clock) -> None:
        self.synthesizer = synthesizer
        self.provider = SpeechProvider("synthesizer", synthesizer.name, clock)
        self.rates: dict[str, SpeakingRate] = {}

    @property
    def name(self) -> str:
        return self.synthesizer.name

    def rate(self, language: str) -> SpeakingRate:
        return self.rates.setdefault(language, SpeakingRate())


class FailoverSynthesizer(Synthesizer):
    """See `Synthesizer`. `synthesizers` by preference, at least one; the last is asked when all others are down.

    `routes` may say for a language who else is preferred.
    """

    def __init__(
        self, synthesizers: Sequence[Synthesizer], clock: Clock, routes: Routes | None = None
    ) -> None:
        self._engines = [_Engine(synthesizer, clock) for synthesizer in synthesizers]
        self._clock = clock
        self._routes = routes or Routes()
        self._on_switch: OnSwitch = unwatched

    def watched(self, on_switch: OnSwitch) -> FailoverSynthesizer:
        """The same voices with the same memory; who takes over in what is spoken here is told."""
        other = copy(self)
        other._on_switch = on_switch
        return other

    @property
    def name(self) -> str:
        return "failover"

    def voice(self, language: str) -> Voice | None:
        """The first in the chain: it does not change when an engine fails, so speech made ahead stays of use."""
        voices = (engine.synthesizer.voice(language) for engine in self._routed(language))
        return next((voice for voice in voices if voice), None)

    @property
    def engines(self) -> tuple[Synthesizer, ...]:
        """By preference."""
        return tuple(engine.synthesizer for engine in self._engines)

    def routed(self, language: str) -> list[str]:
        """The names of those that speak a language, by preference."""
        return self._routes.ordered("synthesizers", language, [engine.name for engine in self._engines])

    @property
    def default_voice(self) -> Voice:
        return self._engines[0].synthesizer.default_voice

    @property
    def healthy(self) -> bool:
        return any(e.synthesizer.healthy and e.provider.breaker.allows for e in self._engines)

    @property
    def breakers(self) -> dict[str, Breaker]:
        """Of each engine, by name."""
        return {engine.name: engine.provider.breaker for engine in self._engines}

    def report(self) -> dict[str, dict[str, Any]]:
        """Each engine's part of /health, by name."""
        return {engine.name: engine.provider.report(engine.synthesizer.healthy) for engine in self._engines}

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        """Raises what the last engine failed with."""
        engines = self._able(voice.language)
        for engine, following in zip(engines, [*engines[1:], None], strict=True):
            own = self._voice_of(engine, voice)
            spoken_bytes = 0
            try:
                async with aclosing(engine.synthesizer.synthesize(text, own)) as chunks:
                    while chunk := await _next(chunks, engine, patient=not following, first=not spoken_bytes):
                        spoken_bytes += len(chunk)
                        yield chunk
                engine.provider.succeeded()
                engine.rate(own.language).learn(text, spoken_bytes / BYTES_PER_MS)
                return
            except ProviderError as error:
                engine.provider.failed(error)
                text = _rest(engine.rate(own.language), text, spoken_bytes / BYTES_PER_MS, error)
                if not any(map(str.isalnum, text)):
                    return
                if not following:
                    raise
                self._on_switch(Switch("synthesizer", engine.name, following.name, str(error)))

    def overheard(self, on_switch: OnSwitch) -> FailoverSynthesizer:
        """The same, who takes over is told to one more."""
        told = self._on_switch

        def both(switch: Switch) -> None:
            told(switch)
            on_switch(switch)

        return self.watched(both)

    def speaks_itself(self, voice: Voice) -> bool:
        """Whether it is not down, whose voice it is."""
        engine = self._able(voice.language)[0]
        return self._voice_of(engine, voice) == voice

    def _able(self, language: str) -> list[_Engine]:
        """Who may be asked; somebody always is."""
        speaking = [e for e in self._routed(language) if e.synthesizer.voice(language)] or self._engines
        return [e for e in speaking if e.provider.breaker.allows] or speaking[-1:]

    def _routed(self, language: str) -> list[_Engine]:
        engines = {engine.name: engine for engine in self._engines}
        return [engines[name] for name in self.routed(language)]

    def _voice_of(self, engine: _Engine, voice: Voice) -> Voice:
        """The voice itself where it is the engine's own, else the engine's for the language."""
        own = engine.synthesizer.voice(voice.language) or engine.synthesizer.default_voice
        if voice.provider:
            return voice if voice.provider == engine.name else own
        others = [e.synthesizer.voice(voice.language) for e in self._engines if e is not engine]
        first = self._routed(voice.language)[0]
        return own if voice in others else voice if engine is first else own

    async def warm_up(self) -> None:
        """All of them; what fails is noted, not raised, except of the last."""
        for engine in self._engines[:-1]:
            try:
                await engine.synthesizer.warm_up()
            except ProviderError as error:
                engine.provider.failed(error)
        await self._engines[-1].synthesizer.warm_up()

    async def watch(self) -> None:
        """Find out, for ever, when voices that were down are back."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            for engine in self._engines:
                if engine.provider.breaker.probe(self._clock.now()):
                    await self._probe(engine)

    async def _probe(self, engine: _Engine) -> None:
        voice = engine.synthesizer.default_voice
        try:
            async with aclosing(engine.synthesizer.synthesize(PROBE_TEXT, voice)) as chunks:
                chunk = await _next(chunks, engine, patient=False, first=True)
            if not chunk:
                raise Refused(f"{engine.name} makes no speech")
        except ProviderError as error:
            engine.provider.failed(error)
        else:
            engine.provider.succeeded()

    async def aclose(self) -> None:
        for engine in self._engines:
            await engine.synthesizer.aclose()


async def _next(chunks: AsyncGenerator[bytes, None], engine: _Engine, *, patient: bool, first: bool) -> bytes:
    """The next chunk, empty after the last. After the last engine nobody comes, so it may take its time."""
    within_s = None if patient else FIRST_CHUNK_S if first else NEXT_CHUNK_S
    try:
        async with asyncio.timeout(within_s):
            return await anext(chunks, b"")
    except TimeoutError:
        raise TimedOut(f"{engine.name} makes no speech within {within_s} s") from None


def _rest(rate: SpeakingRate, text: str, spoken_ms: float, error: ProviderError) -> str:
    """What is still to be said."""
    emitted = error.emitted if isinstance(error, BrokenStream) else b""
    if isinstance(emitted, str) and emitted and text.startswith(emitted):
        return text[len(emitted) :].lstrip()
    return text[len(rate.said(text, spoken_ms)) :].lstrip()

"""Several voices that sound like one conversation: `FailoverSynthesizer`.

When a voice dies or stalls in mid-utterance, the next goes on with the first word that was not heard to its end:
what the broken voice tells of it, or else what its usual rate says.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from app.audio.g711 import BYTES_PER_MS
from app.clock import Clock
from app.errors import BrokenStream, ProviderError, Refused, TimedOut
from app.orchestrator.chain import OnSwitch, SpeechChain, Switch
from app.orchestrator.hedge import FIRST_SOUND_LEAST_S, FIRST_SOUND_MOST_S, FirstSounds
from app.orchestrator.provider import Provider, provider_attempt
from app.orchestrator.routes import Routes
from app.orchestrator.speaking_rate import SpeakingRate
from providers.base import Synthesizer, Voice
from providers.patience import patience

# First sounds of all but the last together: the speaker gives up after 3 s, and nobody likes to wait for two.
FIRST_SOUNDS_S = 1.4
NEXT_CHUNK_S = 0.6  # later than our own clients of the services: they know which words were said
PROBE_TEXT = "One."


class VoiceProvider(Provider[Synthesizer]):
    """A synthesizer of the chain, and what has been learned of it."""

    def __init__(self, synthesizer: Synthesizer, clock: Clock) -> None:
        super().__init__("synthesizer", synthesizer, clock)
        self.first_sounds = FirstSounds()
        self._rates: dict[str, SpeakingRate] = {}

    def rate(self, language: str) -> SpeakingRate:
        return self._rates.setdefault(language, SpeakingRate())

    @property
    def _probe_s(self) -> float:
        return FIRST_SOUND_MOST_S

    async def _ask(self) -> None:
        async with aclosing(self.engine.synthesize(PROBE_TEXT, self.engine.default_voice)) as chunks:
            if not await anext(chunks, b""):
                raise Refused(f"{self.name} makes no speech")

    async def speak(
        self, text: str, voice: Voice, first_sound_s: float | None
    ) -> AsyncGenerator[bytes, None]:
        """Chunks, none empty; the first within `first_sound_s`, where None is for as long as they may take.

        Raises ProviderError.
        """
        within_s, spoken_bytes, asked_s = first_sound_s, 0, self.clock.now()
        async with aclosing(self.engine.synthesize(text, voice)) as chunks:
            while chunk := await self._next(chunks, within_s, first=not spoken_bytes):
                if not spoken_bytes:
                    self.first_sounds.learn(self.clock.now() - asked_s)
                    within_s = NEXT_CHUNK_S if first_sound_s is not None else None
                spoken_bytes += len(chunk)
                yield chunk
        self.succeeded()
        self.rate(voice.language).learn(text, spoken_bytes / BYTES_PER_MS)

    async def _next(
        self, chunks: AsyncGenerator[bytes, None], within_s: float | None, *, first: bool
    ) -> bytes:
        """The next chunk, empty after the last."""
        try:
            async with patience(within_s):
                with provider_attempt(self.name):
                    return await anext(chunks, b"")
        except TimeoutError:
            if first and within_s is not None:
                self.first_sounds.learn(within_s)
            raise TimedOut(f"{self.name} makes no speech within {within_s} s") from None

    def rest(self, text: str, language: str, spoken_ms: float, error: ProviderError) -> str:
        """What is still to be said of a text when it broke off."""
        emitted = error.emitted if isinstance(error, BrokenStream) else b""
        if isinstance(emitted, str) and text.startswith(emitted):
            return text[len(emitted) :].lstrip()
        return text[len(self.rate(language).said(text, spoken_ms)) :].lstrip()


class FailoverSynthesizer(SpeechChain[VoiceProvider], Synthesizer):
    """See `Synthesizer`. `synthesizers` by preference, at least one; the last is asked when all others are down.

    `routes` may say for a language who else is preferred.
    """

    def __init__(
        self, synthesizers: Sequence[Synthesizer], clock: Clock, routes: Routes | None = None
    ) -> None:
        providers = [VoiceProvider(synthesizer, clock) for synthesizer in synthesizers]
        super().__init__("synthesizers", providers, clock, routes)

    @property
    def engines(self) -> tuple[Synthesizer, ...]:
        """By preference."""
        return tuple(provider.engine for provider in self.providers.values())

    def voice(self, language: str) -> Voice | None:
        """The first in the chain: it does not change when an engine fails, so speech made ahead stays of use."""
        voices = (provider.engine.voice(language) for provider in self.serving(language))
        return next((voice for voice in voices if voice), None)

    @property
    def default_voice(self) -> Voice:
        return self.engines[0].default_voice

    def overheard(self, on_switch: OnSwitch) -> FailoverSynthesizer:
        """The same, who takes over is told to one more."""
        told = self._on_switch

        def both(switch: Switch) -> None:
            told(switch)
            on_switch(switch)

        return self.watched(both)

    def speaks_itself(self, voice: Voice) -> bool:
        """Whether it is not down, whose voice it is."""
        provider = self._able(voice.language)[0]
        return self._voice_of(provider, voice) == voice

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        """Raises what the last engine failed with."""
        providers, patient_until_s = self._able(voice.language), self.clock.now() + FIRST_SOUNDS_S
        for provider, following in zip(providers, [*providers[1:], None], strict=True):
            own, spoken_bytes, first_s = self._voice_of(provider, voice), 0, None
            if following:  # after the last nobody comes, so it may take its time
                left_s = max(patient_until_s - self.clock.now(), FIRST_SOUND_LEAST_S)
                first_s = min(provider.first_sounds.deadline_s(), left_s)
            try:
                async with aclosing(provider.speak(text, own, first_s)) as chunks:
                    async for chunk in chunks:
                        spoken_bytes += len(chunk)
                        yield chunk
                return
            except ProviderError as error:
                provider.failed(error)
                text = provider.rest(text, own.language, spoken_bytes / BYTES_PER_MS, error)
                if not any(map(str.isalnum, text)):
                    return
                if not following:
                    raise
                if spoken_bytes:
                    patient_until_s = self.clock.now() + FIRST_SOUNDS_S
                self._on_switch(Switch("synthesizer", provider.name, following.name, str(error)))

    def _able(self, language: str) -> list[VoiceProvider]:
        """Who may be asked; somebody always is."""
        speaking = [one for one in self.serving(language) if one.engine.voice(language)]
        speaking = speaking or list(self.providers.values())
        return [one for one in speaking if one.breaker.allows] or speaking[-1:]

    def _voice_of(self, provider: VoiceProvider, voice: Voice) -> Voice:
        """The voice itself where it is the engine's own, else the engine's for the language."""
        own = provider.engine.voice(voice.language) or provider.engine.default_voice
        if voice.provider:
            return voice if voice.provider == provider.name else own
        others = [e.voice(voice.language) for e in self.engines if e is not provider.engine]
        first = self.serving(voice.language)[0]
        return own if voice in others else voice if provider is first else own

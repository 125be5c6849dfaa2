"""Speech to text without a key or a network: `EmbeddedTranscriber`.

    push            the last 400 ms are kept, for detectors are late; inside an utterance everything is
    every 400 ms    what there is is decoded, for a partial (English); a newer try replaces one that still waits
    paused          all there is is decoded, in case this was the end; `hypothesis` tells
    finish          that decode, when nothing was said since; else another

A long utterance is decoded in stretches, cut where it is quietest, so nothing of it is lost and none costs too much.
Of one that lasts longer than a minute (music, a television) the oldest goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from app.errors import ProviderError, Refused
from providers.base import Hypothesis
from providers.dsp import BYTES_PER_MS, SILENCE
from providers.local_decoders import Decoder, Decoding, decoders
from providers.local_languages import OpenLanguage
from providers.local_utterance import Utterance
from providers.local_whisper import LANGUAGES
from providers.local_workers import InferenceWorkers

PRE_ROLL_BYTES = 400 * BYTES_PER_MS


class EmbeddedTranscriber:
    """See `Transcriber`. Networks are loaded by `warm_up`, or by the first utterance that needs them.

    Raises AssetError when the networks for `languages` are not installed.
    """

    def __init__(self, workers: InferenceWorkers, languages: frozenset[str] = LANGUAGES) -> None:
        self._workers = workers
        self._decoders = decoders(languages, workers.threads)

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self._decoders)

    @property
    def partials(self) -> bool:
        return True

    async def open(
        self,
        language: str,
        *,
        on_partial: Callable[[Hypothesis], None],
        hints: Sequence[str] = (),
        candidates: Sequence[str] = (),
    ) -> EmbeddedStream:
        decoder = self._decoders.get(language.partition("-")[0])
        if not decoder:
            known = ", ".join(sorted(self._decoders))
            raise Refused(
                f"the embedded recogniser does not know the language {language!r}; it knows {known}"
            )
        spoken = OpenLanguage(self._decoders, language, candidates)
        return EmbeddedStream(self._workers, decoder, language, on_partial, spoken)

    @property
    def healthy(self) -> bool:
        return self._workers.healthy

    async def warm_up(self) -> None:
        """Load every network and run it once. Raises ProviderError."""
        second = SILENCE * 1000 * BYTES_PER_MS
        for decoder in self._decoders.values():
            await self._workers.run(decoder.load)
        for language in {"en", min(self.languages - {"en"}, default="en")} & self.languages:
            decoder = self._decoders[language]
            await self._workers.run(partial(decoder.decode, second, ()))

    async def aclose(self) -> None:
        """Streams hold nothing but their own; the workers belong to whoever made them."""


class EmbeddedStream:
    """See `TranscriptionStream`. Speech that goes on after a pause may be told by `utterance_started` again."""

    def __init__(
        self,
        workers: InferenceWorkers,
        decoder: Decoder,
        language: str,
        on_partial: Callable[[Hypothesis], None],
        spoken: OpenLanguage,
    ) -> None:
        self._spoken = spoken
        self._checked: tuple[Decoding, Decoding] | None = None
        self._workers = workers
        self._decoder = decoder
        self._language = language
        self._on_partial = on_partial
        self._pre_roll = bytearray()
        self._utterance: Utterance | None = None
        self._closed = False

    def push(self, audio: bytes) -> None:
        if self._utterance:
            self._utterance.push(audio)
        elif not self._closed:
            self._pre_roll += audio
            del self._pre_roll[:-PRE_ROLL_BYTES]

    def utterance_started(self) -> None:
        if self._utterance:
            self._utterance.resumed()
        elif not self._closed:
            self._utterance = Utterance(self._workers, self._decoder, self._partial)
            self._utterance.push(bytes(self._pre_roll))
            self._pre_roll.clear()

    def utterance_paused(self) -> None:
        if self._utterance:
            self._utterance.paused()

    async def hypothesis(self) -> Hypothesis:
        utterance = self._utterance
        if not utterance:
            return Hypothesis("", self._language, False, 0.0)
        decoding = await self._in_its_language(await utterance.so_far(), utterance)
        return self._hypothesis(decoding, utterance.audio_ms, final=False)

    async def finish(self) -> Hypothesis:
        utterance, self._utterance = self._utterance, None
        if not utterance:
            return Hypothesis("", self._language, True, 0.0)
        try:
            decoding = await self._in_its_language(await utterance.final(), utterance)
        finally:
            utterance.cancel()
        return self._hypothesis(decoding, utterance.audio_ms, final=True)

    def discard(self) -> None:
        self._checked = None
        if self._utterance:
            self._utterance.cancel()
        self._utterance = None
        self._pre_roll.clear()

    @property
    def failure(self) -> ProviderError | None:
        """What fails here is one decode, and the next may not."""
        return None

    async def aclose(self) -> None:
        self._closed = True
        self.discard()

    async def _in_its_language(self, decoding: Decoding, utterance: Utterance) -> Decoding:
        """What is doubted, in the language that was spoken: found out once for the same words."""
        if self._checked and self._checked[0] == decoding:
            return self._checked[1]
        audio = utterance.audio
        if self._spoken.doubts(decoding, audio):
            checked = await self._workers.run(partial(self._spoken.check, decoding, audio))
            self._checked = decoding, checked
            return checked
        return decoding

    def _partial(self, decoding: Decoding, audio_ms: float) -> None:
        self._on_partial(self._hypothesis(decoding, audio_ms, final=False))

    def _hypothesis(self, decoding: Decoding, audio_ms: float, *, final: bool) -> Hypothesis:
        confidence = decoding.confidence if decoding.text else None
        return Hypothesis(decoding.text, decoding.language or self._language, final, audio_ms, confidence)

"""Speech to text by Azure Speech: `AzureTranscriber`.

    push             every byte goes into the SDK's push stream as it is: μ-law, 8 kHz; it sends 100 ms at a time
    hypothesis       the service's words up to the last pause, for which it gets `CATCH_UP_S`
    finish           the service's final if it comes within `FINAL_S`, else its last hypothesis: its own idea of
                     where a phrase ends costs up to a second

The SDK may say nothing for ever after some closes; here the first `disconnected` is a failure, and whoever listens
puts another recogniser in its place.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

import azure.cognitiveservices.speech as sdk

from app.errors import BrokenStream, ProviderError, TimedOut
from providers.azure_speech import LOCALES, AzureSpeech, Events, error_of, nothing
from providers.base import Hypothesis
from providers.dsp import BYTES_PER_MS
from providers.patience import patience
from providers.phrases_heard import PhrasesHeard

TICKS_PER_MS = 10_000
PRE_ROLL_MS = 400.0
CONNECT_S = 3.0
CANCELED_S = 0.5
FINAL_S = 0.08
FIRST_WORDS_S = 1.0
CATCH_UP_S = 0.25
LAG_MS = 250.0  # a hypothesis this close to the pause has heard it all
TAIL_MS = 600.0  # of speech before the pause that no words are for: some may be missing
SEGMENT_SILENCE_MS = 300
CANDIDATES_MAX = 10  # of continuous language identification

Result = tuple[str, float, str]


class AzureTranscriber:
    """See `Transcriber`. `azure` belongs to whoever made it."""

    def __init__(self, azure: AzureSpeech) -> None:
        self._azure = azure

    @property
    def name(self) -> str:
        return "azure"

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(LOCALES)

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
    ) -> AzureStream:
        ear = await self._azure.starting.run(partial(_Ear, self._azure, language, hints, candidates))
        stream = AzureStream(ear, self._azure, language, on_partial)
        async with AsyncExitStack() as unless_begun:
            unless_begun.push_async_callback(stream.aclose)
            await self._azure.starting.run(ear.begin)
            unless_begun.pop_all()
        return stream

    @property
    def healthy(self) -> bool:
        return self._azure.healthy

    async def warm_up(self) -> None:
        """Load the SDK's threads. Connections are made by the calls, a few milliseconds before they need them."""
        await self._azure.starting.run(self._azure.config)

    async def aclose(self) -> None:
        """Streams belong to their calls."""


class _Ear:
    """The SDK's recogniser and its push stream."""

    def __init__(
        self, azure: AzureSpeech, language: str, hints: Sequence[str], candidates: Sequence[str]
    ) -> None:
        config = azure.config()
        config.set_property(sdk.PropertyId.Speech_SegmentationSilenceTimeoutMs, str(SEGMENT_SILENCE_MS))
        locales = dict.fromkeys(azure.locale(name) for name in (language, *candidates))
        languages = list(locales)[:CANDIDATES_MAX]
        detection = None
        if len(languages) > 1:
            config.set_property(sdk.PropertyId.SpeechServiceConnection_LanguageIdMode, "Continuous")
            detection = sdk.languageconfig.AutoDetectSourceLanguageConfig(languages=languages)
        else:
            config.speech_recognition_language = azure.locale(language)
        self.audio = sdk.audio.PushAudioInputStream(
            sdk.audio.AudioStreamFormat(
                samples_per_second=8000,
                bits_per_sample=8,
                channels=1,
                wave_stream_format=sdk.AudioStreamWaveFormat.MULAW,
            )
        )
        source = sdk.audio.AudioConfig(stream=self.audio)
        self.recognizer = sdk.SpeechRecognizer(config, source, auto_detect_source_language_config=detection)
        self.connection = sdk.Connection.from_recognizer(self.recognizer)
        self.canceled = threading.Event()
        self.recognizer.canceled.connect(lambda _: self.canceled.set())
        phrases = sdk.PhraseListGrammar.from_recognizer(self.recognizer)
        for hint in hints:
            phrases.addPhrase(hint)

    def begin(self) -> None:
        self.recognizer.start_continuous_recognition_async().get()


def _result(event: sdk.SpeechRecognitionEventArgs) -> Result:
    result = event.result
    detected = sdk.PropertyId.SpeechServiceConnection_AutoDetectSourceLanguageResult
    found = result.properties.get(detected) or ""
    return result.text, (result.offset + result.duration) / TICKS_PER_MS, found.partition("-")[0]


def _cancellation(event: sdk.SpeechRecognitionCanceledEventArgs) -> ProviderError | None:
    details = event.cancellation_details
    if details.reason == sdk.CancellationReason.Error:
        return error_of(details.code, details.error_details)
    return None


class AzureStream:
    """See `TranscriptionStream`."""

    def __init__(
        self,
        ear: _Ear,
        azure: AzureSpeech,
        language: str,
        on_partial: Callable[[Hypothesis], None],
    ) -> None:
        self._ear: _Ear | None = ear
        self._azure = azure
        self._language = language
        self._on_partial = on_partial
        self._phrases = PhrasesHeard()
        self._pushed_bytes = 0
        self._began_ms: float | None = None
        self._paused_ms = 0.0
        self._finishing = False
        self._changed = asyncio.Event()
        self._failure: ProviderError | None = None
        self._events = Events()
        self._watch = asyncio.get_running_loop().call_later(CONNECT_S, self._not_connected)
        self._listen(ear)

    def _listen(self, ear: _Ear) -> None:
        connect, recognizer, connection = self._events.connect, ear.recognizer, ear.connection
        connect(recognizer.recognizing, _result, self._hypothesis_came)
        connect(recognizer.recognized, _result, self._final_came)
        connect(recognizer.canceled, _cancellation, self._canceled)
        connect(connection.connected, nothing, lambda _: self._watch.cancel())
        connect(connection.disconnected, nothing, self._disconnected)

    @property
    def failure(self) -> ProviderError | None:
        return self._failure

    def push(self, audio: bytes) -> None:
        if self._ear and not self._failure:
            self._pushed_bytes += len(audio)
            self._ear.audio.write(audio)

    def utterance_started(self) -> None:
        if self._began_ms is None:
            self._began_ms = max(0.0, self._pushed_ms - PRE_ROLL_MS)
            self._begin()

    def _begin(self) -> None:
        """Words count from here on, once those of the last utterance are taken."""
        if self._began_ms is not None and not self._finishing:
            self._phrases.began(self._began_ms)

    def utterance_paused(self) -> None:
        self._paused_ms = self._pushed_ms

    async def hypothesis(self) -> Hypothesis:
        until_ms = self._paused_ms - LAG_MS
        await self._until(lambda: self._phrases.settled or self._phrases.covered_ms >= until_ms, CATCH_UP_S)
        return self._now(self._began_ms, final=False)

    async def finish(self) -> Hypothesis:
        began_ms, self._began_ms = self._began_ms, None
        self._finishing = True
        try:
            if began_ms is not None:
                await self._until(lambda: self._phrases.settled, FINAL_S)
                if not self._phrases.text:
                    await self._until(lambda: bool(self._phrases.text), FIRST_WORDS_S)
            return self._now(began_ms, final=self._heard_all)
        finally:
            self._finishing = False
            self._phrases.take()
            self._begin()

    def discard(self) -> None:
        self._began_ms = None
        if not self._finishing:
            self._phrases.take()

    async def aclose(self) -> None:
        self._events.close()
        self._watch.cancel()
        ear, self._ear = self._ear, None
        if ear:
            self._azure.releasing.submit(partial(_release, ear, self._events, self._failure is not None))

    @property
    def _heard_all(self) -> bool:
        """Whether no more can be missing than the noise that a caller ends with."""
        return self._phrases.settled or self._phrases.covered_ms >= self._paused_ms - TAIL_MS

    @property
    def _pushed_ms(self) -> float:
        return self._pushed_bytes / BYTES_PER_MS

    def _now(self, began_ms: float | None, *, final: bool) -> Hypothesis:
        began_ms = self._pushed_ms if began_ms is None else began_ms
        audio_ms = max(0.0, min(self._phrases.covered_ms, self._pushed_ms) - began_ms)
        return Hypothesis(self._phrases.text, self._language, final, audio_ms)

    async def _until(self, enough: Callable[[], bool], seconds: float) -> None:
        """Wait until there is enough, at most so long. Raises the stream's failure, when there are no words."""
        try:
            async with patience(seconds):
                while not enough() and not self._failure:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return
        if self._failure:
            raise self._failure

    # on the loop, from the SDK's threads

    def _hypothesis_came(self, result: Result) -> None:
        text, end_ms, language = result
        self._language = language or self._language
        self._phrases.hypothesis(text, end_ms)
        self._report()

    def _final_came(self, result: Result) -> None:
        text, end_ms, language = result
        if text:  # a phrase in which nothing was understood is no end of anything
            self._language = language or self._language
            self._phrases.final(text, end_ms)
            self._report()

    def _report(self) -> None:
        self._changed.set()
        if self._began_ms is not None and self._phrases.text and not self._finishing:
            self._on_partial(self._now(self._began_ms, final=False))

    def _canceled(self, error: ProviderError | None) -> None:
        if error:
            self._fail(error)

    def _disconnected(self, _: None) -> None:
        self._fail(BrokenStream("Azure Speech closed the connection of a recogniser"))

    def _not_connected(self) -> None:
        self._fail(TimedOut(f"Azure Speech could not be reached within {CONNECT_S:g} s"))

    def _fail(self, error: ProviderError) -> None:
        self._failure = self._failure or error
        self._changed.set()


def _release(ear: _Ear, events: Events, failed: bool) -> None:
    """On a worker: the SDK closes the connection where its objects go, and waits for its threads.

    That takes ten seconds while the SDK has not noticed that its service is gone, a moment when it has. To stop the
    recognition first would take longer.
    """
    if failed:
        ear.canceled.wait(CANCELED_S)
    events.disconnect()
    del ear.connection, ear.recognizer, ear.audio

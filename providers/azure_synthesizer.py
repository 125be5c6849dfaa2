"""Text to speech by Azure Speech: `AzureSynthesizer`.

One connected voice of the SDK speaks one utterance at a time; those that are done wait, still connected, for the
next. There are so many and no more; when all speak, the next utterance waits. Audio comes as μ-law at 8 kHz and goes
on as it is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import azure.cognitiveservices.speech as sdk

from app.errors import ProviderError, RateLimited
from providers import azure_native
from providers.azure_native import AudioPipe
from providers.azure_speech import AzureSpeech, Events, error_of, nothing
from providers.azure_utterance import FIRST_AUDIO_S, Utterance
from providers.base import Voice

VOICES = {
    "de": "de-DE-KatjaNeural",
    "en": "en-US-AvaNeural",
    "es": "es-ES-ElviraNeural",
    "fr": "fr-FR-DeniseNeural",
    "hi": "hi-IN-SwaraNeural",
    "it": "it-IT-ElsaNeural",
    "nl": "nl-NL-FennaNeural",
    "pt": "pt-BR-FranciscaNeural",
}
MOUTHS_MAX = 40  # each costs 0.7 MB; a sentence needs one for a fraction of the time that it plays
THREADS_EACH = 6  # of the SDK's own, five while it says nothing
STOP_S = 2.0

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def ssml(text: str, voice: str, locale: str) -> str:
    """A text as Azure wants it: nothing in it can be taken for markup."""
    clean = escape(_NOT_IN_XML.sub(" ", text))
    return (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
        f"xml:lang={quoteattr(locale)}><voice name={quoteattr(voice)}>{clean}</voice></speak>"
    )


class AzureSynthesizer:
    """See `Synthesizer`. `azure` belongs to whoever made it; `voices` name others than the usual ones."""

    def __init__(self, azure: AzureSpeech, voices: Mapping[str, str] | None = None) -> None:
        self._azure = azure
        self._voices = {**VOICES, **(voices or {})}
        self._idle: list[_Mouth] = []
        self._places = asyncio.Semaphore(MOUTHS_MAX)

    @property
    def name(self) -> str:
        return "azure"

    def voice(self, language: str) -> Voice | None:
        language = language.partition("-")[0]
        return Voice(self._voices[language], language) if language in self._voices else None

    @property
    def default_voice(self) -> Voice:
        return Voice(self._voices["en"], "en")

    @property
    def healthy(self) -> bool:
        return self._azure.healthy

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        locale = self._azure.locale(voice.language)
        mouth, utterance = await self._mouth(), Utterance(text)
        try:
            await mouth.speak(ssml(text, voice.name, locale), utterance)
            while chunk := await utterance.next():
                yield chunk
        finally:
            mouth.leave(utterance)

    async def warm_up(self) -> None:
        """Connect, so that the first words need no handshake. A service that is down is no hindrance."""
        mouth = await self._new_mouth()
        await self._azure.starting.run(mouth.connect)
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_AUDIO_S):
                await mouth.connected.wait()
        self._idle.append(mouth)

    async def aclose(self) -> None:
        for mouth in self._idle:
            mouth.release()
        self._idle.clear()

    async def _mouth(self) -> _Mouth:
        """One that is free to speak: a new one only when no other is idle. Raises ProviderError."""
        try:
            async with asyncio.timeout(FIRST_AUDIO_S):
                await self._places.acquire()
        except TimeoutError:
            busy = f"all {MOUTHS_MAX} connections speak, and none was done in {FIRST_AUDIO_S:g} s"
            raise RateLimited(f"Azure Speech: {busy}") from None
        async with AsyncExitStack() as unless_had:
            unless_had.callback(self._places.release)
            mouth = self._idle.pop() if self._idle else await self._new_mouth()
            unless_had.pop_all()
        return mouth

    async def _new_mouth(self) -> _Mouth:
        async with AsyncExitStack() as unless_made:
            audio = AudioPipe()
            unless_made.callback(audio.close)
            unless_made.callback(audio.stop)
            synthesizer = await self._azure.starting.run(partial(_synthesizer, self._azure, audio))
            unless_made.pop_all()
        return _Mouth(self._azure, synthesizer, audio, self._done, self._places.release)

    def _done(self, mouth: _Mouth) -> None:
        self._idle.append(mouth)
        self._places.release()


def _synthesizer(azure: AzureSpeech, audio: AudioPipe) -> sdk.SpeechSynthesizer:
    config = azure.config()
    config.set_speech_synthesis_output_format(sdk.SpeechSynthesisOutputFormat.Raw8Khz8BitMonoMULaw)
    config.set_property_by_name("SpeechSynthesis_KeepConnectionAfterStopping", "true")
    output = sdk.audio.AudioOutputConfig(stream=audio.stream())
    return sdk.SpeechSynthesizer(config, output)


class _Mouth:
    """One synthesizer of the SDK with its connection. `done` gets it when it may speak again, `gone` is called when the
    SDK has let go of it, and its threads are no more.
    """

    def __init__(
        self,
        azure: AzureSpeech,
        synthesizer: sdk.SpeechSynthesizer,
        audio: AudioPipe,
        done: Callable[[_Mouth], None],
        gone: Callable[[], None],
    ) -> None:
        self._azure = azure
        self._synthesizer: sdk.SpeechSynthesizer | None = synthesizer
        self._connection = sdk.Connection.from_speech_synthesizer(synthesizer)
        self._done = done
        self._gone = gone
        self._speaking: Future[sdk.ResultFuture] | None = None
        self._utterance: Utterance | None = None
        self._stopping: asyncio.TimerHandle | None = None
        self.connected = asyncio.Event()
        self._events = Events()
        self._audio = audio
        audio.watch(self._take_audio)
        connect = self._events.connect
        connect(self._connection.connected, nothing, lambda _: self.connected.set())
        connect(azure_native.words(synthesizer), azure_native.word_of, self._word_came)
        connect(azure_native.completed(synthesizer), nothing, lambda _: self._ended(None))
        connect(synthesizer.synthesis_canceled, _cancellation, self._ended)

    def connect(self) -> None:
        self._connection.open(True)

    async def speak(self, text: str, utterance: Utterance) -> None:
        """Begin with a text (SSML), on a worker: the SDK takes milliseconds for it. Raises ProviderError."""
        assert self._synthesizer
        self._utterance = utterance
        self._speaking = self._azure.starting.submit(partial(self._synthesizer.speak_ssml_async, text))
        await asyncio.wrap_future(self._speaking)

    def leave(self, utterance: Utterance) -> None:
        """Nobody listens any more: stop, if it has not ended. After an error it is of no more use."""
        if utterance.error:
            self.release()
        if utterance.over or not self._synthesizer or not self._speaking:
            return
        if self._speaking.cancel():  # it has not begun
            self._speaking = self._utterance = None
            self._done(self)
            return
        self._stopping = asyncio.get_running_loop().call_later(STOP_S, self.release)
        self._azure.starting.submit(partial(_stop, self._synthesizer, self._speaking))

    def release(self) -> None:
        """Of no more use. Idempotent."""
        self._events.close()
        if self._stopping:
            self._stopping.cancel()
        synthesizer, self._synthesizer = self._synthesizer, None
        if self._speaking:
            self._speaking.cancel()
        if synthesizer:
            self._audio.stop()
            held = [synthesizer, self._connection]
            released = self._azure.releasing.submit(partial(_release, held, self._events, self._audio))
            released.add_done_callback(lambda _: self._events.call(self._gone))
            self._connection = self._speaking = None

    def _take_audio(self) -> bool:
        """Whether any had come."""
        audio = self._audio.read()
        if audio and self._utterance:
            self._utterance.audio_came(audio)
        return bool(audio)

    def _word_came(self, word: tuple[float, str]) -> None:
        if self._utterance:
            self._utterance.word_came(word)

    def _ended(self, error: ProviderError | None) -> None:
        left, self._stopping = self._stopping, None
        if left:
            left.cancel()
        while self._take_audio():
            pass  # all that it says is there before it is over
        if self._utterance:
            self._utterance.ended(error)
            error = self._utterance.error
        if error and left:
            self.release()
        if error:
            return  # words of it may still be told
        self._utterance = None
        if self._speaking:
            self._azure.starting.submit(partial(_settle, self._speaking))
            self._speaking = None
            self._done(self)


def _stop(synthesizer: sdk.SpeechSynthesizer, speaking: Future[sdk.ResultFuture]) -> None:
    speaking.result()
    synthesizer.stop_speaking_async().get()


def _settle(speaking: Future[sdk.ResultFuture]) -> None:
    azure_native.settle(speaking.result())


def _release(held: list[Any], events: Events, audio: AudioPipe) -> None:
    """On a worker: the SDK waits for its threads where its objects go."""
    events.disconnect()
    held.clear()
    audio.close()


def _cancellation(event: sdk.SpeechSynthesisEventArgs) -> ProviderError | None:
    details = event.result.cancellation_details
    if details.reason == sdk.CancellationReason.CancelledByUser:
        return None
    return error_of(details.error_code, details.error_details)

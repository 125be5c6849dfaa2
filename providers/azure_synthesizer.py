"""Text to speech by Azure Speech: `AzureSynthesizer`.

One connected voice of the SDK speaks one utterance at a time; those that are done wait, still connected, for the
next. There are so many and no more; when all speak, the next utterance waits. Audio comes as μ-law at 8 kHz and goes
on as it is.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import azure.cognitiveservices.speech as sdk

from app.errors import BrokenStream, ProviderError, RateLimited, Refused, TimedOut
from providers.azure_speech import AzureSpeech, Events, error_of, nothing
from providers.base import Voice
from providers.dsp import BYTES_PER_MS
from providers.patience import patience

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
MOUTHS_MAX = 48  # each costs 0.7 MB; a sentence needs one for a fraction of the time that it plays
THREADS_EACH = 6  # of the SDK's own, five while it says nothing
FIRST_AUDIO_S = 1.5
STALL_S = 0.3  # it makes speech many times faster than it plays
LAST_WORDS_S = 0.1  # the SDK tells of words on a thread of their own, up to 20 ms after it told of the end
STOP_S = 2.0
TICKS_PER_MS = 10_000

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
        mouth, utterance = await self._mouth(), _Utterance(text)
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
        audio = _Audio(Events())
        synthesizer = await self._azure.starting.run(partial(_synthesizer, self._azure, audio))
        return _Mouth(self._azure, synthesizer, audio, self._done, self._places.release)

    def _done(self, mouth: _Mouth) -> None:
        self._idle.append(mouth)
        self._places.release()


def _synthesizer(azure: AzureSpeech, audio: _Audio) -> sdk.SpeechSynthesizer:
    config = azure.config()
    config.set_speech_synthesis_output_format(sdk.SpeechSynthesisOutputFormat.Raw8Khz8BitMonoMULaw)
    config.set_property_by_name("SpeechSynthesis_KeepConnectionAfterStopping", "true")
    stream = sdk.audio.PushAudioOutputStream(audio)
    return sdk.SpeechSynthesizer(config, sdk.audio.AudioOutputConfig(stream=stream))


class _Audio(sdk.audio.PushAudioOutputStreamCallback):  # type: ignore[misc]
    """Takes audio from the SDK. (Its event of the same has the interpreter lock change hands a dozen times.)"""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.heard: Callable[[bytes], None] = nothing

    def write(self, audio_buffer: memoryview) -> int:
        self.events.tell(self.heard, bytes(audio_buffer))
        return len(audio_buffer)


class _Utterance:
    """What has come of a text: audio to be taken, and how far the words go."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._audio: deque[bytes] = deque()
        self._words: list[tuple[float, str]] = []
        self._emitted_bytes = 0
        self._changed = asyncio.Event()
        self.over = False
        self.error: ProviderError | None = None

    async def next(self) -> bytes:
        """The next chunk, empty after the last. Raises ProviderError."""
        try:
            async with patience(STALL_S if self._emitted_bytes else FIRST_AUDIO_S):
                while not self._audio and not self.over:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            what = "stopped in mid-speech" if self._emitted_bytes else f"said nothing in {FIRST_AUDIO_S:g} s"
            self.error = TimedOut(f"Azure Speech {what}")
        if self.error and not self._audio:
            await self._last_words()
        if self._audio:
            self._emitted_bytes += len(self._audio[0])
            return self._audio.popleft()
        if self.error and self._emitted_bytes:
            raise BrokenStream(str(self.error), emitted=self._spoken if self._words else b"")
        if self.error:
            raise self.error
        return b""

    async def _last_words(self) -> None:
        """Until the words are known that the audio says: a word that is not known of would be said again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                while max((end_ms for end_ms, _ in self._words), default=0.0) < self._heard_ms:
                    self._changed.clear()
                    await self._changed.wait()

    def audio_came(self, audio: bytes) -> None:
        self._audio.append(audio)
        self._changed.set()

    def word_came(self, word: tuple[float, str]) -> None:
        self._words.append(word)
        self._changed.set()

    def ended(self, error: ProviderError | None) -> None:
        came = self._emitted_bytes or self._audio
        if not error and not came and any(map(str.isalnum, self._text)):
            error = Refused("Azure Speech made no audio of a text")
        self.over, self.error = True, error
        self._changed.set()

    @property
    def _heard_ms(self) -> float:
        return self._emitted_bytes / BYTES_PER_MS

    @property
    def _spoken(self) -> str:
        """The beginning of the text that the audio so far says to the end of a word."""
        end = 0
        for end_ms, word in self._words:
            if end_ms <= self._heard_ms:
                found = self._text.find(word, end)
                end = found + len(word) if found >= 0 else end
        return self._text[:end]


class _Mouth:
    """One synthesizer of the SDK with its connection. `done` gets it when it may speak again, `gone` is called when the
    SDK has let go of it, and its threads are no more.
    """

    def __init__(
        self,
        azure: AzureSpeech,
        synthesizer: sdk.SpeechSynthesizer,
        audio: _Audio,
        done: Callable[[_Mouth], None],
        gone: Callable[[], None],
    ) -> None:
        self._azure = azure
        self._synthesizer: sdk.SpeechSynthesizer | None = synthesizer
        self._connection = sdk.Connection.from_speech_synthesizer(synthesizer)
        self._done = done
        self._gone = gone
        self._speaking: Future[sdk.ResultFuture] | None = None
        self._utterance: _Utterance | None = None
        self._stopping: asyncio.TimerHandle | None = None
        self.connected = asyncio.Event()
        self._events = audio.events
        audio.heard = self._audio_came
        connect = self._events.connect
        connect(self._connection.connected, nothing, lambda _: self.connected.set())
        connect(synthesizer.synthesis_word_boundary, _word, self._word_came)
        connect(synthesizer.synthesis_completed, nothing, lambda _: self._ended(None))
        connect(synthesizer.synthesis_canceled, _cancellation, self._ended)

    def connect(self) -> None:
        self._connection.open(True)

    async def speak(self, text: str, utterance: _Utterance) -> None:
        """Begin with a text (SSML), on a worker: the SDK takes milliseconds for it. Raises ProviderError."""
        assert self._synthesizer
        self._utterance = utterance
        self._speaking = self._azure.starting.submit(partial(self._synthesizer.speak_ssml_async, text))
        await asyncio.wrap_future(self._speaking)

    def leave(self, utterance: _Utterance) -> None:
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
            held = [synthesizer, self._connection]
            released = self._azure.releasing.submit(partial(_release, held, self._events))
            released.add_done_callback(lambda _: self._events.call(self._gone))
            self._connection = self._speaking = None

    def _audio_came(self, audio: bytes) -> None:
        if self._utterance:
            self._utterance.audio_came(audio)

    def _word_came(self, word: tuple[float, str]) -> None:
        if self._utterance:
            self._utterance.word_came(word)

    def _ended(self, error: ProviderError | None) -> None:
        left, self._stopping = self._stopping, None
        if left:
            left.cancel()
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
    speaking.result().get()


def _release(held: list[Any], events: Events) -> None:
    """On a worker: the SDK waits for its threads where its objects go."""
    events.disconnect()
    held.clear()


def _word(event: sdk.SpeechSynthesisWordBoundaryEventArgs) -> tuple[float, str]:
    return event.audio_offset / TICKS_PER_MS + event.duration.total_seconds() * 1000, event.text


def _cancellation(event: sdk.SpeechSynthesisEventArgs) -> ProviderError | None:
    details = event.result.cancellation_details
    if details.reason == sdk.CancellationReason.CancelledByUser:
        return None
    return error_of(details.error_code, details.error_details)

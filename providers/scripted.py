"""Speech services that do as they are told: for tests, benchmarks and trying flows without any model.

Every delay is an `asyncio.sleep`, so on a virtual clock they take no time at all.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakSet

import numpy as np

from app.errors import BrokenStream, ProviderError
from providers import dsp
from providers.base import Hypothesis, Transcriber, Voice, VoiceWindow, nobody_waits

ANY_LANGUAGE = frozenset({"de", "en", "es", "fr", "hi", "it", "pt"})
CHARACTERS_PER_S = 15.0
TEXTS_KEPT = 100
FRAME_MS = 20.0
WINDOW = 256
WINDOW_MS = WINDOW / dsp.BYTES_PER_MS


@dataclass(frozen=True, slots=True)
class Heard:
    """What a scripted transcriber makes of one utterance.

    `partials` are texts and the milliseconds after the start of the utterance at which they appear; `error`, where
    given, is raised by `finish` instead of a text. At `breaks_ms` the stream fails, at `silent_ms` it falls silent.
    `language` is what was spoken, where it is another than the stream's.
    """

    text: str
    partials: tuple[tuple[float, str], ...] = ()
    confidence: float = 0.9
    error: Exception | None = None
    breaks_ms: float | None = None
    silent_ms: float | None = None
    language: str = ""


Script = Iterable[str | Heard] | Callable[[int], str | Heard]


class ScriptedTranscriber(Transcriber):
    """Understands the n-th utterance of a stream as the script says; beyond its end it understands nothing.

    `script` is a list, or a function of the utterance's number from 0. `finish` takes `final_ms`, and no time at all
    when `utterance_paused` came at least that long before. `opened` counts the streams; `refuses`, where set, is why
    it opens none.
    """

    def __init__(self, script: Script, *, final_ms: float = 0.0, name: str = "scripted") -> None:
        self._script = script if callable(script) else _by_number(script)
        self._final_ms = final_ms
        self._name = name
        self.opened = 0
        self.refuses: Exception | None = None
        self._streams: WeakSet[ScriptedTranscriptionStream] = WeakSet()

    @property
    def name(self) -> str:
        return self._name

    @property
    def languages(self) -> frozenset[str]:
        return ANY_LANGUAGE

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
    ) -> ScriptedTranscriptionStream:
        if self.refuses:
            raise self.refuses
        stream = ScriptedTranscriptionStream(self._script, language, on_partial, self._final_ms)
        self.opened += 1
        self._streams.add(stream)
        return stream

    @property
    def healthy(self) -> bool:
        return True

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        for stream in list(self._streams):
            await stream.aclose()


def _by_number(script: Iterable[str | Heard]) -> Callable[[int], str | Heard]:
    texts = list(script)
    return lambda number: texts[number] if number < len(texts) else ""


class ScriptedTranscriptionStream:
    """See `TranscriptionStream`. `pushed_bytes` counts the audio, `closed` says whether it was closed."""

    def __init__(
        self,
        script: Callable[[int], str | Heard],
        language: str,
        on_partial: Callable[[Hypothesis], None],
        final_ms: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._script = script
        self._language = language
        self._on_partial = on_partial
        self._final_ms = final_ms
        self._number = 0
        self._heard: Heard | None = None
        self._began_bytes = 0
        self._paused_at: float | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._reported = ""
        self._silent = False
        self.failure: ProviderError | None = None
        self.pushed_bytes = 0
        self.closed = False

    def push(self, audio: bytes) -> None:
        self.pushed_bytes += len(audio)

    def utterance_started(self) -> None:
        self._paused_at = None
        if self._heard:
            return
        said = self._script(self._number)
        self._number += 1
        self._heard = said if isinstance(said, Heard) else Heard(said)
        self._began_bytes = self.pushed_bytes
        self._reported = ""
        self._timers = [
            self._loop.call_later(after_ms / 1000, self._report, text)
            for after_ms, text in self._heard.partials
        ]
        if self._heard.breaks_ms is not None:
            self._timers.append(self._loop.call_later(self._heard.breaks_ms / 1000, self.break_off))
        if self._heard.silent_ms is not None:
            self._timers.append(self._loop.call_later(self._heard.silent_ms / 1000, self._fall_silent))

    def utterance_paused(self) -> None:
        self._paused_at = self._loop.time()

    async def hypothesis(self) -> Hypothesis:
        heard, audio_ms = self._heard or Heard(""), self._audio_ms()
        if self._paused_at is None:
            self.utterance_paused()
        await self._understood(self._paused_at)
        return Hypothesis(self._text(heard), self._spoken(heard), False, audio_ms, heard.confidence)

    async def finish(self) -> Hypothesis:
        heard, audio_ms = self._heard or Heard(""), self._audio_ms()
        paused_at = self._paused_at
        self.discard()
        await self._understood(paused_at)
        if heard.error:
            raise heard.error
        text = self._text(heard)
        confidence = heard.confidence if text else None
        return Hypothesis(text, self._spoken(heard), True, audio_ms, confidence)

    def break_off(self) -> None:
        """Fail, as a connection does."""
        self.discard()
        self.failure = BrokenStream("the script breaks the stream off")

    def _fall_silent(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._silent = True

    def _text(self, heard: Heard) -> str:
        if self.failure:
            raise self.failure
        return self._reported if self._silent else heard.text

    def _spoken(self, heard: Heard) -> str:
        return heard.language or self._language

    async def _understood(self, since: float | None) -> None:
        began = self._loop.time() if since is None else since
        await asyncio.sleep(max(0.0, began + self._final_ms / 1000 - self._loop.time()))

    def discard(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._heard, self._paused_at = None, None

    async def aclose(self) -> None:
        self.discard()
        self.closed = True

    def _report(self, text: str) -> None:
        self._reported = text
        self._on_partial(Hypothesis(text, self._language, False, self._audio_ms()))

    def _audio_ms(self) -> float:
        return (self.pushed_bytes - self._began_bytes) / dsp.BYTES_PER_MS


@dataclass
class ScriptedSynthesizer:
    """Speaks a hum whose length follows the text, about 15 characters a second, the same for the same text.

    The first chunk comes after `first_ms`, then `chunk_ms` of audio at a time, `rate` times as fast as it plays
    (infinity: at once). `fail` is raised, where given, after `fail_after_chunks` chunks. `spoken` are the last texts.
    """

    first_ms: float = 0.0
    rate: float = math.inf
    chunk_ms: float = 200.0
    name: str = "scripted"
    fail: Exception | None = None
    fail_after_chunks: int = 0
    spoken: deque[str] = field(default_factory=lambda: deque(maxlen=TEXTS_KEPT), repr=False)

    def voice(self, language: str) -> Voice | None:
        return Voice("hum", language)

    @property
    def default_voice(self) -> Voice:
        return Voice("hum", "en")

    @property
    def healthy(self) -> bool:
        return True

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        self.spoken.append(text)
        audio = hum(text)
        size = int(self.chunk_ms * dsp.BYTES_PER_MS)
        await asyncio.sleep(self.first_ms / 1000)
        for number, start in enumerate(range(0, len(audio), size)):
            if self.fail and number >= self.fail_after_chunks:
                raise self.fail
            yield audio[start : start + size]
            await asyncio.sleep(self.chunk_ms / self.rate / 1000)

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        """Nothing to release."""


def hum(text: str) -> bytes:
    """Audible μ-law for a text, in whole 20 ms frames: a tone per word, its pitch drawn from the word."""
    words = text.split()
    spoken = [_tone(word, math.ceil((len(word) + 1) / CHARACTERS_PER_S * 1000 / FRAME_MS)) for word in words]
    return b"".join(spoken)


# hundreds of calls on a core are told the same words, and a voice's work is not done on that core
@lru_cache(1000)
def _tone(word: str, frames: int) -> bytes:
    hertz = random.Random(word).uniform(150, 900)
    count = int(frames * FRAME_MS) * dsp.BYTES_PER_MS
    time_s = np.arange(count) / dsp.RATE_HZ
    envelope = np.sqrt(np.sin(np.pi * np.arange(count) / count))
    return dsp.to_mulaw((0.25 * envelope * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32))


@dataclass
class ScriptedVoiceDetector:
    """Calls speech what is louder than `threshold` (RMS, 0..1). Answers at once, inside `push`."""

    threshold: float = 0.01
    name: str = "scripted"

    def open(
        self, on_windows: Callable[[Sequence[VoiceWindow]], None], awaited: Callable[[], bool] = nobody_waits
    ) -> ScriptedVoiceStream:
        return ScriptedVoiceStream(on_windows, self.threshold)

    @property
    def healthy(self) -> bool:
        return True

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        """Nothing to release."""


class ScriptedVoiceStream:
    """See `VoiceStream`; windows of 32 ms."""

    def __init__(self, on_windows: Callable[[Sequence[VoiceWindow]], None], threshold: float) -> None:
        self._on_windows: Callable[[Sequence[VoiceWindow]], None] | None = on_windows
        self._threshold = threshold
        self._rest = b""
        self._end_ms = 0.0

    def push(self, audio: bytes) -> None:
        audio = self._rest + audio
        whole = len(audio) // WINDOW * WINDOW
        self._rest = audio[whole:]
        windows = [self._judge(audio[start : start + WINDOW]) for start in range(0, whole, WINDOW)]
        if windows and self._on_windows:
            self._on_windows(windows)

    def _judge(self, window: bytes) -> VoiceWindow:
        self._end_ms += WINDOW_MS
        probability = 0.95 if dsp.rms(window) > self._threshold else 0.02
        return VoiceWindow(probability, self._end_ms, 0.0)

    @property
    def closed(self) -> bool:
        return self._on_windows is None

    def close(self) -> None:
        self._on_windows = None

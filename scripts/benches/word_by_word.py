"""Ears for callers whose every word is known beforehand, and when it is over: on any clock, without any model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from app.audio.g711 import BYTES_PER_MS, duration_ms, rms
from app.errors import ProviderError
from providers.base import Hypothesis
from providers.scripted import ANY_LANGUAGE

RECOGNISED_AFTER_MS = 100.0
JUDGED_AFTER_MS = 30.0
LOUD = 100


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a caller says: each word, and the milliseconds after the beginning at which it ends."""

    words: Sequence[str]
    ends_ms: Sequence[float]
    audio: bytes

    @classmethod
    def of(cls, words: Sequence[str], pieces: Sequence[bytes]) -> Spoken:
        """`pieces` are the words' audio."""
        return cls(words, list(accumulate(duration_ms(piece) for piece in pieces)), b"".join(pieces))

    @property
    def text(self) -> str:
        return " ".join(self.words)


class WordByWord:
    """A `Transcriber` for one call at a time, whose caller says what is `said`, in order.

    A word is recognised 100 ms after its acoustic end; the pause after the last one is where an utterance ends.
    """

    name = "word by word"
    languages = ANY_LANGUAGE
    partials = True
    healthy = True

    def __init__(self) -> None:
        self.said: Sequence[Spoken] = ()

    async def open(
        self,
        language: str,
        *,
        on_partial: Callable[[Hypothesis], None],
        hints: Sequence[str] = (),
        candidates: Sequence[str] = (),
    ) -> WordByWordStream:
        return WordByWordStream(self.said, language, on_partial)

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        """Streams hold nothing but their own."""


class WordByWordStream:
    """See `TranscriptionStream`. An utterance begins with its first loud frame."""

    failure: ProviderError | None = None

    def __init__(
        self, said: Sequence[Spoken], language: str, on_partial: Callable[[Hypothesis], None]
    ) -> None:
        self._said = iter(said)
        self._language = language
        self._on_partial = on_partial
        self._loop = asyncio.get_running_loop()
        self._now: Spoken | None = None
        self._began_at = 0.0
        self._timers: list[asyncio.TimerHandle] = []
        self._all = asyncio.Event()

    def push(self, audio: bytes) -> None:
        if self._now is None and rms(audio) > LOUD:
            self._begin(self._loop.time() - len(audio) / BYTES_PER_MS / 1000)

    def _begin(self, at: float) -> None:
        self._now = now = next(self._said)
        self._began_at = at
        for count, end_ms in enumerate(now.ends_ms, 1):
            recognised_at = at + (end_ms + RECOGNISED_AFTER_MS) / 1000
            self._timers.append(self._loop.call_at(recognised_at, self._recognised, count))

    def _recognised(self, count: int) -> None:
        assert self._now, "timers end with the utterance"
        if count == len(self._now.words):
            self._all.set()
        self._on_partial(self._hypothesis(" ".join(self._now.words[:count]), final=False))

    def utterance_started(self) -> None:
        """It is heard sooner than it is told."""

    def utterance_paused(self) -> None:
        """Nobody pauses within an utterance."""

    async def hypothesis(self) -> Hypothesis:
        await self._all.wait()
        return self._hypothesis(self._now.text if self._now else "", final=False)

    async def finish(self) -> Hypothesis:
        await self._all.wait()
        text = self._now.text if self._now else ""
        self.discard()
        return self._hypothesis(text, final=True)

    def discard(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._now = None
        self._all.clear()

    async def aclose(self) -> None:
        self.discard()

    def _hypothesis(self, text: str, *, final: bool) -> Hypothesis:
        return Hypothesis(text, self._language, final, (self._loop.time() - self._began_at) * 1000, 0.9)


class Certain:
    """An `EndOfTurnDetector` that is always asked at the end of a turn, and knows it."""

    name = "certain"
    healthy = True

    async def probability(self, audio: bytes) -> float:
        await asyncio.sleep(JUDGED_AFTER_MS / 1000)
        return 1.0

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        """Nothing to release."""

"""A call's transcription, in the language that the call is in now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from app.errors import ProviderError, TimedOut
from providers.background import BackgroundTasks
from providers.base import Hypothesis, Transcriber, TranscriptionStream

OPEN_TIMEOUT_S = 3.0
WORDS_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 1.0


class Hearing:
    """A TranscriptionStream that can change its language between two utterances.

    `languages` are those that the call may be in. A change that falls into an utterance waits for its end; the next
    stream listens along meanwhile, so no word is lost. What comes before the first is open is told to it then.
    """

    def __init__(self, transcriber: Transcriber, languages: Sequence[str] = ()) -> None:
        self._transcriber = transcriber
        self._languages = languages
        self._opened = asyncio.Event()
        self._opening = asyncio.Lock()
        self._tasks = BackgroundTasks()
        self._open: TranscriptionStream | None = None
        self._next: TranscriptionStream | None = None
        self._early: list[Callable[[TranscriptionStream], None]] = []
        self._speaking = False
        self._finishing = 0
        self._latest: Hypothesis | None = None
        self._wanted = ""
        self.language = ""

    async def switch(self, language: str) -> None:
        """Listen in a language from now on. Raises ProviderError when it cannot be had: nothing has changed then."""
        if language == self._wanted:
            return
        self._wanted = language
        async with self._opening:
            try:
                stream = await self._stream_in(language)
            except ProviderError:
                self._wanted = self.language
                raise
            self._close(self._next)
            self._next, self.language = stream, language
            self._change()

    async def _stream_in(self, language: str) -> TranscriptionStream:
        others = [other for other in self._languages if other != language]
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                return await self._transcriber.open(language, on_partial=self._partial, candidates=others)
        except TimeoutError:
            raise TimedOut(f"{self._transcriber.name} does not begin to listen") from None

    async def follow(self, language: str, failed: Callable[[str, Exception], None]) -> None:
        """Switch if that is possible; else go on as before, and `failed` is told why."""
        try:
            await self.switch(language)
        except ProviderError as error:
            failed(f"nobody understands {language}", error)

    def _change(self) -> None:
        """Listen to who is next, unless that would cut an utterance in two."""
        if self._next and not (self._open and (self._speaking or self._finishing)):
            self._close(self._open)
            self._open, self._next = self._next, None
            early, self._early = self._early, []
            for what in early:
                what(self._open)
            self._opened.set()

    def _close(self, stream: TranscriptionStream | None) -> None:
        """Nobody waits for it."""
        if stream:
            self._tasks.create_task(_closed(stream))

    def _tell(self, what: Callable[[TranscriptionStream], None]) -> None:
        if self._open:
            what(self._open)
        else:
            self._early.append(what)  # no more than OPEN_TIMEOUT_S of audio

    def push(self, audio: bytes) -> None:
        if self._open:
            self._open.push(audio)
        else:
            self._tell(lambda stream: stream.push(audio))
        if self._next:
            self._next.push(audio)

    def utterance_started(self) -> None:
        if not self._speaking:
            self._latest = None  # what came too late for the one before is no part of this one
        self._speaking = True
        self._tell(lambda stream: stream.utterance_started())

    def utterance_paused(self) -> None:
        self._tell(lambda stream: stream.utterance_paused())

    async def _listening(self) -> TranscriptionStream:
        await self._opened.wait()
        assert self._open, "it is not closed"
        return self._open

    async def hypothesis(self) -> Hypothesis:
        return await (await self._listening()).hypothesis()

    async def finish(self) -> Hypothesis:
        """The final text. Raises ProviderError."""
        self._latest = None
        self._speaking = False  # what begins while the words are awaited is another utterance
        self._finishing += 1
        try:
            return await (await self._listening()).finish()
        finally:
            self._finishing -= 1
            self._change()

    async def final_words(self, failed: Callable[[str, Exception], None]) -> Hypothesis:
        """The final text in bounded time, else the best there is; then `failed` is told why."""
        best = self.best
        try:
            async with asyncio.timeout(WORDS_TIMEOUT_S):
                return await self.finish()
        except (TimeoutError, ProviderError) as error:
            failed("the transcriber failed at the end of a turn", error)
            return best

    @property
    def best(self) -> Hypothesis:
        """The last that was thought of the utterance: its words so far, or all there is where no final comes."""
        return self._latest or Hypothesis("", self.language, final=True, audio_ms=0.0)

    def discard(self) -> None:
        self._latest, self._speaking = None, False
        self._tell(lambda stream: stream.discard())

    @property
    def failure(self) -> ProviderError | None:
        return self._open.failure if self._open else None

    async def aclose(self) -> None:
        """Nothing is heard after this."""
        streams, self._open, self._next = (self._open, self._next), None, None
        for stream in streams:
            if stream:
                await stream.aclose()
        await self._tasks.join()

    def _partial(self, hypothesis: Hypothesis) -> None:
        self._latest = hypothesis


async def _closed(stream: TranscriptionStream) -> None:
    with suppress(TimeoutError, ProviderError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await stream.aclose()

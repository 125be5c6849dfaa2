"""A call's transcription, in the language that the call is in now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from app.errors import ProviderError, TimedOut
from providers.base import Hypothesis, Transcriber, TranscriptionStream

OPEN_TIMEOUT_S = 3.0
WORDS_TIMEOUT_S = 3.0


class Hearing:
    """A TranscriptionStream that can change its language between two utterances.

    `languages` are those that the call may be in. A change that falls into an utterance waits for its end; the next
    stream listens along meanwhile, so no word is lost.
    """

    def __init__(self, transcriber: Transcriber, languages: Sequence[str] = ()) -> None:
        self._transcriber = transcriber
        self._languages = languages
        self._open: TranscriptionStream | None = None
        self._next: TranscriptionStream | None = None
        self._speaking = False
        self._latest: Hypothesis | None = None
        self.language = ""

    async def switch(self, language: str) -> None:
        """Listen in a language from now on. Raises ProviderError when it cannot be had: nothing has changed then."""
        if language == self.language:
            return
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                others = [other for other in self._languages if other != language]
                stream = await self._transcriber.open(language, on_partial=self._partial, candidates=others)
        except TimeoutError:
            raise TimedOut(f"{self._transcriber.name} does not begin to listen") from None
        before, self._next, self.language = self._next, stream, language
        if before:
            await before.aclose()
        if not self._speaking:
            await self._change()

    async def follow(self, language: str, failed: Callable[[str, Exception], None]) -> None:
        """Switch if that is possible; else go on as before, and `failed` is told why."""
        try:
            await self.switch(language)
        except ProviderError as error:
            failed(f"nobody understands {language}", error)

    async def _change(self) -> None:
        if self._next:
            before, self._open, self._next = self._open, self._next, None
            if before:
                await before.aclose()

    @property
    def _stream(self) -> TranscriptionStream:
        assert self._open, "`switch` comes first"
        return self._open

    def push(self, audio: bytes) -> None:
        self._stream.push(audio)
        if self._next:
            self._next.push(audio)

    def utterance_started(self) -> None:
        self._speaking = True
        self._stream.utterance_started()

    def utterance_paused(self) -> None:
        self._stream.utterance_paused()

    async def hypothesis(self) -> Hypothesis:
        return await self._stream.hypothesis()

    async def finish(self) -> Hypothesis:
        """The final text. Raises ProviderError; `best` is then what there is."""
        self._latest, latest = None, self._latest
        try:
            return await self._stream.finish()
        except ProviderError:
            self._latest = latest
            raise
        finally:
            self._speaking = False
            await self._change()

    async def final_words(self, failed: Callable[[str, Exception], None]) -> Hypothesis:
        """The final text in bounded time, else the best there is; then `failed` is told why."""
        try:
            async with asyncio.timeout(WORDS_TIMEOUT_S):
                return await self.finish()
        except (TimeoutError, ProviderError) as error:
            failed("the transcriber failed at the end of a turn", error)
            return self.best

    @property
    def best(self) -> Hypothesis:
        """The last that was thought of the utterance, for when its final does not come."""
        return self._latest or Hypothesis("", self.language, final=True, audio_ms=0.0)

    def discard(self) -> None:
        self._latest, self._speaking = None, False
        self._stream.discard()

    @property
    def failure(self) -> ProviderError | None:
        return self._stream.failure

    async def aclose(self) -> None:
        """Nothing is heard after this."""
        streams, self._open, self._next = (self._open, self._next), None, None
        for stream in streams:
            if stream:
                await stream.aclose()

    def _partial(self, hypothesis: Hypothesis) -> None:
        self._latest = hypothesis

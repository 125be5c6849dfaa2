"""An utterance of Azure's voice: what has come of a text, and how far its words go."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from app.errors import BrokenStream, ProviderError, Refused, TimedOut
from providers.dsp import BYTES_PER_MS
from providers.patience import patience

FIRST_AUDIO_S = 1.5
STALL_S = 0.3  # it makes speech many times faster than it plays
LAST_WORDS_S = 0.1  # the SDK tells of words on a thread of their own, up to 20 ms after it told of the end


class Utterance:
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

"""The voice of a call: prompts in, paced audio out.

One task makes speech, chunk by chunk; the other sends it, never more than the playout allows. So a slow
synthesizer does not hold up what is ready, and a fast one does not run ahead of the caller's ear.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from app.audio import g711
from app.audio.echo import EchoGate
from app.audio.loudness import voiced_ms
from app.audio.playout import Playout
from app.call.tasks import Tasks
from app.carriers.events import ClearAudio, OutboundCommand, PlayAudio
from app.clock import Clock
from app.dialogue.transcript import split_at
from app.errors import ProviderError, TimedOut
from app.flow.sentences import sentences
from app.orchestrator.cache_figures import Kind
from app.orchestrator.making import Words, ready, speech
from app.orchestrator.speech_cache import SpeechCache
from providers.base import Synthesizer, Voice

MADE_AHEAD_MS = 2000.0
LETTER_MS = 45.0
CHUNK_TIMEOUT_S = 3.0

Send = Callable[[OutboundCommand], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Words to say. `by_speech` and `by_key`: whether speech (of at least `min_words`) or a key interrupts them.

    `record` is what the journal may know of them, `key` their place in the flow. Words of a `kind` may be kept as
    speech to be said again, `generated` ones are a model's. `audio` is played instead of being made from the words.
    """

    text: str = field(repr=False)
    record: str = field(repr=False)
    node: str
    voice: Voice
    by_speech: bool = True
    by_key: bool = True
    min_words: int = 1
    kind: Kind | None = None
    generated: bool = False
    audio: bytes | None = field(default=None, repr=False)
    key: str = ""

    @property
    def words(self) -> Words:
        """What varies is made and kept by sentences: most of them are the same every time."""
        pieces = sentences(self.text) if self.kind == "templated" else (self.text,)
        return Words(pieces, self.voice, self.kind, self.key)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of a prompt: how much of its `record` the caller heard, and the longest gap inside it."""

    prompt: Prompt
    heard: str
    unheard: str
    gap_ms: float = 0.0


class SpeakerReports(Protocol):
    """What a speaker tells. Moments are monotonic seconds."""

    def speech_ready(self, prompt: Prompt, asked: float, ready: float) -> None:
        """The first audio of a prompt has been made."""
        ...

    def prompt_started(self, prompt: Prompt, ready: float, sent: float, *, cached: bool) -> None:
        """The first frame of a prompt has been sent; `cached`: its first sentence had been made before."""
        ...

    def prompt_ended(self, spoken: Spoken) -> None:
        """A prompt was heard to its end, or to where its speech broke off."""
        ...

    def prompt_failed(self, prompt: Prompt, error: ProviderError) -> None:
        """A prompt, or the rest of it, could not be made."""
        ...

    def fell_silent(self) -> None:
        """Everything said has been heard, or could not be said."""
        ...


@dataclass(slots=True)
class _Saying:
    prompt: Prompt
    start_ms: float
    ready_at: float
    cached: bool
    whole: bool
    chunks: list[bytes] = field(default_factory=list)
    made_ms: float = 0.0
    complete: bool = False
    broke_off: bool = False
    started: bool = False
    gap_ms: float = 0.0

    @property
    def end_ms(self) -> float:
        """Where what has been made ends, on the playout's scale."""
        return self.start_ms + self.made_ms

    def spoken(self, heard_ms: float) -> Spoken:
        """What was heard until a position of the playout; what has not been made yet is guessed from its letters."""
        audio = b"".join(self.chunks)
        heard = voiced_ms(audio[: max(0, round((heard_ms - self.start_ms) * g711.BYTES_PER_MS))])
        guess = (
            0.0 if self.whole or (self.complete and not self.broke_off) else len(self.prompt.text) * LETTER_MS
        )
        share = heard / max(voiced_ms(audio), guess, 1.0)
        return Spoken(self.prompt, *split_at(self.prompt.record, share), self.gap_ms)


class Speaker:
    """Speaks prompts one after the other. `run` both `make` and `send` for as long as the stream lasts."""

    def __init__(
        self,
        clock: Clock,
        synthesizer: Synthesizer,
        cache: SpeechCache,
        echo: EchoGate,
        send: Send,
        reports: SpeakerReports,
    ) -> None:
        self._clock = clock
        self._synthesizer = synthesizer
        self._cache = cache
        self._echo = echo
        self._send = send
        self._reports = reports
        self._playout = Playout()
        self._prompts: deque[Prompt] = deque()
        self._sayings: deque[_Saying] = deque()
        self._making: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._must_clear = False
        self._silent = asyncio.Event()
        self._silent.set()

    @property
    def speaking(self) -> bool:
        """Whether anything said has not been heard yet."""
        return not self._silent.is_set()

    async def silence(self) -> None:
        """Wait until everything said has been heard."""
        await self._silent.wait()

    @property
    def prompt(self) -> Prompt | None:
        """What is being said now, or next."""
        return self._sayings[0].prompt if self._sayings else self._prompts[0] if self._prompts else None

    @property
    def unheard(self) -> list[Prompt]:
        """What has not been heard to its end."""
        return [saying.prompt for saying in self._sayings] + list(self._prompts)

    @property
    def wary(self) -> bool:
        """Whether the caller may be about to interrupt: then as little audio as possible is out of our hands."""
        return self._playout.wary

    @wary.setter
    def wary(self, wary: bool) -> None:
        self._playout.wary = wary
        self._wake.set()

    def say(self, prompt: Prompt) -> None:
        """Say it after everything that is to be said already."""
        self._prompts.append(prompt)
        self._silent.clear()
        self._asked.set()

    def interrupt(self) -> list[Spoken]:
        """Stop now; says what of each prompt had been heard. Sends `clear` before anything else."""
        if self._making:
            self._making.cancel()
        heard_ms = self._playout.clear(self._clock.now())
        self._echo.clear(self._clock.now())
        spoken = [saying.spoken(heard_ms) for saying in self._sayings]
        spoken += [Spoken(prompt, "", prompt.record) for prompt in self._prompts]
        self._sayings.clear()
        self._prompts.clear()
        self._must_clear = True
        self._wake.set()
        self._room.set()
        return spoken

    def mark_reached(self, name: str) -> None:
        """The carrier echoed a mark."""
        self._playout.reached(name, self._clock.now())
        self._wake.set()

    async def make(self, tasks: Tasks) -> None:
        """Turn prompts into audio, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._prompts:
                self._making = tasks.create(self._make(self._prompts[0]))
                await asyncio.wait([self._making])
                self._making = None
                self._wake.set()

    async def send(self) -> None:
        """Send what is due, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            if self._must_clear:
                self._must_clear = False
                await self._send(ClearAudio())
            for command in self._playout.due(self._clock.now()):
                await self._send_one(command)
                if self._must_clear:
                    break
            self._settle()
            timer = None
            if (delay_s := self._rest_s()) is not None:
                timer = loop.call_later(delay_s, self._wake.set)
            await self._wake.wait()
            self._wake.clear()
            if timer:
                timer.cancel()

    async def _make(self, prompt: Prompt) -> None:
        asked = self._clock.now()
        words = prompt.words
        count = len(words.pieces) if prompt.audio is not None else ready(self._cache, words)
        cached, whole = count > 0, count == len(words.pieces)
        saying = None
        try:
            async with aclosing(self._audio(prompt)) as chunks:
                while (chunk := await self._next(chunks)) is not None:
                    saying = saying or self._first_audio(prompt, asked, cached, whole)
                    await self._feed(saying, chunk)
        except ProviderError as error:
            self._reports.prompt_failed(prompt, error)
            if saying:
                saying.broke_off = True
        if saying:
            saying.complete = True
        else:
            self._prompts.popleft()
        self._playout.end_utterance()

    async def _next(self, chunks: AsyncGenerator[bytes, None]) -> bytes | None:
        try:
            async with asyncio.timeout(CHUNK_TIMEOUT_S):
                return await anext(chunks, None)
        except TimeoutError:
            raise TimedOut(f"{self._synthesizer.name} makes no speech") from None

    async def _audio(self, prompt: Prompt) -> AsyncGenerator[bytes, None]:
        if prompt.audio is not None:
            yield prompt.audio
            return
        async with aclosing(speech(self._cache, self._synthesizer, prompt.words)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _first_audio(self, prompt: Prompt, asked: float, cached: bool, whole: bool) -> _Saying:
        now = self._clock.now()
        self._prompts.popleft()
        saying = _Saying(prompt, self._playout.sent_ms + self._playout.waiting_ms, now, cached, whole)
        self._sayings.append(saying)
        self._reports.speech_ready(prompt, asked, now)
        return saying

    async def _feed(self, saying: _Saying, chunk: bytes) -> None:
        self._playout.feed(chunk)
        saying.chunks.append(chunk)
        saying.made_ms += g711.duration_ms(chunk)
        self._wake.set()
        while self._playout.waiting_ms > MADE_AHEAD_MS:
            self._room.clear()
            await self._room.wait()

    async def _send_one(self, command: OutboundCommand) -> None:
        await self._send(command)
        if not isinstance(command, PlayAudio):
            return
        now, gap_ms = self._clock.now(), self._playout.gap_ms()
        self._echo.played(now + self._playout.ahead_ms(now) / 1000, g711.rms(command.payload))
        for saying in self._sayings:
            if not saying.started and self._playout.sent_ms > saying.start_ms:
                saying.started = True
                self._reports.prompt_started(saying.prompt, saying.ready_at, now, cached=saying.cached)
        if gap_ms:
            speaking = [saying for saying in self._sayings if saying.started][-1]
            speaking.gap_ms = max(speaking.gap_ms, gap_ms)

    def _settle(self) -> None:
        now = self._clock.now()
        if self._playout.waiting_ms <= MADE_AHEAD_MS:
            self._room.set()
        finished = self._playout.finished(now)
        heard_ms = self._playout.heard_ms(now)
        while self._sayings and self._sayings[0].complete:
            if not finished and heard_ms < self._sayings[0].end_ms:
                break
            saying = self._sayings.popleft()
            whole = Spoken(saying.prompt, saying.prompt.record, "", saying.gap_ms)
            self._reports.prompt_ended(saying.spoken(saying.end_ms) if saying.broke_off else whole)
        if self.speaking and finished and not (self._sayings or self._prompts or self._making):
            self._silent.set()
            self._reports.fell_silent()

    def _rest_s(self) -> float | None:
        now = self._clock.now()
        due = self._playout.next_due(now)
        if due is None and self.speaking and not self._making:
            due = self._playout.gives_up_at
        return None if due is None else max(due - now, 0.001)

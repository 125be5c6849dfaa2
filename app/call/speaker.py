"""The voice of a call: prompts in, paced audio out.

A task makes the speech of a prompt, chunk by chunk; another sends it, never more than the playout allows. So a slow
synthesizer does not hold up what is ready, and a fast one does not run ahead of the caller's ear. What may go at once
goes where it is made, and what need not be made begins as soon as it may: each change of tasks is a turn of the event
loop that all calls share.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Protocol

from app.audio import g711
from app.audio.echo import EchoGate
from app.audio.playout import Playout
from app.call.outbox import Line, Outbox
from app.call.saying import Prompt, Saying, Spoken
from app.call.tasks import Tasks
from app.carriers.events import PlayAudio
from app.clock import Clock
from app.errors import ProviderError, TimedOut
from app.orchestrator.making import ready, speech, speech_at_hand
from app.orchestrator.speech_cache import SpeechCache
from providers.base import Synthesizer

MADE_AHEAD_MS = 2000.0
CHUNK_TIMEOUT_S = 3.0
# whoever goes on for longer than this is a noise on the line
WAITS_AT_MOST_S = 10.0


class SpeakerReports(Protocol):
    """What a speaker tells. Moments are monotonic seconds."""

    def speech_ready(self, prompt: Prompt, due: float, asked: float, ready: float) -> None:
        """The first audio of a prompt has been made; its turn had come when it was `due`."""
        ...

    def prompt_started(
        self, prompt: Prompt, ready: float, sent: float, *, cached: bool, ahead_ms: float
    ) -> None:
        """The first frame of a prompt has been sent; `cached`: its first sentence had been made before.

        `ahead_ms` is how much of what was sent before it has yet to be heard.
        """
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


def _every(prompt: Prompt) -> bool:
    return True


class Speaker:
    """Speaks prompts one after the other. Run `send` for as long as the stream lasts; `tasks` make what is said."""

    def __init__(
        self,
        clock: Clock,
        synthesizer: Synthesizer,
        cache: SpeechCache,
        echo: EchoGate,
        tasks: Tasks,
        line: Line,
        reports: SpeakerReports,
    ) -> None:
        self._clock = clock
        self._synthesizer = synthesizer
        self._cache = cache
        self._echo = echo
        self._tasks = tasks
        self._reports = reports
        self._playout = Playout()
        self._outbox = Outbox(clock, self._playout, line)
        self._prompts: deque[Prompt] = deque()
        self._sayings: deque[Saying] = deque()
        self._due_at = 0.0
        self._making: asyncio.Task[None] | None = None
        self._stops = 0
        self._may_begin = asyncio.Event()
        self._may_begin.set()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
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
        return next(iter(self.unheard), None)

    @property
    def unheard(self) -> list[Prompt]:
        """What has not been heard to its end."""
        heard_ms = self._playout.heard_ms(self._clock.now())
        return [one.prompt for one in self._sayings if not one.heard_by(heard_ms)] + list(self._prompts)

    @property
    def waits(self) -> bool:
        """Whether what has not begun must not begin: somebody else speaks. What has begun goes on."""
        return not self._may_begin.is_set()

    def let_begin(self, may: bool) -> None:
        """Let what has been said begin, or hold it back. What is ready begins before this returns."""
        if not may:
            self._may_begin.clear()
            return
        if self.waits:
            self._may_begin.set()
            self._begin_what_is_ready()
        self._make_next()

    @property
    def wary(self) -> bool:
        """Whether the caller may be about to interrupt: then as little audio as possible is out of our hands."""
        return self._playout.wary

    @wary.setter
    def wary(self, wary: bool) -> None:
        self._playout.wary = wary
        self._wake.set()

    def say(self, prompt: Prompt) -> None:
        """Say it after everything that is to be said already, but for words of a moment that is over with it."""
        if not prompt.passing:
            self.drop_passing()
        self._prompts.append(prompt)
        self._silent.clear()
        if self.waits:  # for no longer than this turn of the event loop, perhaps
            self._due_at = self._clock.now()
            asyncio.get_running_loop().call_soon(self._make_next)
        else:
            self._make_next()

    def drop_passing(self) -> None:
        """The moment is over for words that have not begun."""
        self._drop(lambda waiting: waiting.passing)

    def acknowledge(self, prompt: Prompt) -> bool:
        """Say it before what is still being made, if it is ready, and nothing else can be heard."""
        audio = prompt.audio or self._cache.get(prompt.text, prompt.voice)
        if audio is None or self._sayings or self.waits:
            return False
        self._begin_whole(prompt, audio)
        self._silent.clear()
        return True

    def interrupt(self, goes: Callable[[Prompt], bool] = _every) -> list[Spoken]:
        """Stop now; says what of each prompt that goes had been heard. What stays is said from its beginning.

        Where any of what goes has been sent, `clear` is, before anything else.
        """
        self._retire(self._playout.heard_ms(self._clock.now()))
        spoken = self._clear(goes) if any(goes(one.prompt) for one in self._sayings) else []
        spoken += [Spoken(prompt, "", prompt.record) for prompt in self._drop(goes)]
        self._make_next()
        self._wake.set()
        self._room.set()
        return spoken

    def _drop(self, goes: Callable[[Prompt], bool]) -> list[Prompt]:
        """Forget what has not begun."""
        if self._makes_next and self._prompts and goes(self._prompts[0]):
            self._stop_making()
        dropped = [prompt for prompt in self._prompts if goes(prompt)]
        self._prompts = deque(prompt for prompt in self._prompts if not goes(prompt))
        self._wake.set()
        return dropped

    @property
    def _makes_next(self) -> bool:
        """Whether what is being made has not begun to be said."""
        return not self._sayings or self._sayings[-1].complete

    def _clear(self, goes: Callable[[Prompt], bool]) -> list[Spoken]:
        """Nothing is in the air any more."""
        self._stop_making()
        heard_ms = self._playout.clear(self._clock.now())
        self._echo.clear(self._clock.now())
        self._outbox.clear()
        spoken = [one.spoken(heard_ms) for one in self._sayings if goes(one.prompt)]
        self._prompts.extendleft(one.prompt for one in reversed(self._sayings) if not goes(one.prompt))
        self._sayings.clear()
        return spoken

    def mark_reached(self, name: str) -> None:
        """The carrier echoed a mark."""
        now, playout = self._clock.now(), self._playout
        playout.reached(name, now)
        if playout.finished(now) or (self._sayings and self._sayings[0].heard_by(playout.proven_ms)):
            self._wake.set()

    async def send(self) -> None:
        """Send what is due, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._outbox.send_all_due(self._sent)
            self._settle()
            timer = None
            if (delay_s := self._rest_s()) is not None:
                timer = loop.call_later(delay_s, self._wake.set)
            await self._wake.wait()
            self._wake.clear()
            if timer:
                timer.cancel()

    @property
    def _may_make(self) -> bool:
        return bool(self._prompts) and not self._making and not self._tasks.over

    def _begin_what_is_ready(self) -> None:
        """All of it before any is sent: who is told that one prompt has started may look for the others."""
        while self._may_make and self._playout.waiting_ms <= MADE_AHEAD_MS:
            prompt, asked = self._prompts[0], self._clock.now()
            audio = prompt.audio if prompt.audio is not None else speech_at_hand(self._cache, prompt.words)
            if audio is None:
                break
            self._reports.speech_ready(prompt, self._due_at, asked, self._clock.now())
            self._prompts.popleft()
            self._begin_whole(prompt, audio)
            self._due_at = self._clock.now()
        self._outbox.send_due(self._sent)

    def _begin_whole(self, prompt: Prompt, audio: bytes) -> None:
        saying = self._begin(prompt, cached=True, whole=True)
        saying.chunks, saying.made_ms, saying.complete = [audio], g711.duration_ms(audio), True
        self._playout.feed(audio)
        self._playout.end_utterance()
        self._wake.set()

    def _make_next(self) -> None:
        """Make the next prompt's speech, unless one's is being made."""
        if self._may_make:
            self._making = self._tasks.create(self._make(self._prompts[0], self._clock.now()))
            self._making.add_done_callback(self._made)

    def _made(self, task: asyncio.Task[None]) -> None:
        """Go on, unless the stream is over."""
        over = task.cancelling() > self._stops
        failed = not task.cancelled() and task.exception()
        self._making, self._stops = None, 0
        if not (over or failed):
            self._make_next()
        self._wake.set()

    def _stop_making(self) -> None:
        """What follows is made once it has let go of all that it holds."""
        if self._making:
            self._stops += self._making.cancel()

    async def _make(self, prompt: Prompt, due: float) -> None:
        asked = self._clock.now()
        words = prompt.words
        count = len(words.pieces) if prompt.audio is not None else ready(self._cache, words)
        cached, whole = count > 0, count == len(words.pieces)
        saying = None
        try:
            async with aclosing(self._audio(prompt)) as chunks:
                while (chunk := await self._next(chunks)) is not None:
                    saying = saying or await self._first_audio(prompt, due, asked, cached, whole)
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

    async def _first_audio(
        self, prompt: Prompt, due: float, asked: float, cached: bool, whole: bool
    ) -> Saying:
        self._reports.speech_ready(prompt, due, asked, self._clock.now())
        if self.waits:
            with suppress(TimeoutError):
                async with asyncio.timeout(WAITS_AT_MOST_S):
                    await self._may_begin.wait()
        self._prompts.popleft()
        return self._begin(prompt, cached=cached, whole=whole)

    def _begin(self, prompt: Prompt, *, cached: bool, whole: bool) -> Saying:
        playout = self._playout
        if self._sayings and self._sayings[-1].prompt.brief and playout.waiting_ms:
            playout.cut_short()
            brief = self._sayings[-1]
            brief.broke_off, brief.made_ms = True, playout.sent_ms + playout.waiting_ms - brief.start_ms
        playout.brief = prompt.brief
        begins_ms = playout.sent_ms + playout.waiting_ms
        saying = Saying(prompt, begins_ms, self._clock.now(), cached, whole)
        self._sayings.append(saying)
        return saying

    async def _feed(self, saying: Saying, chunk: bytes) -> None:
        self._playout.feed(chunk)
        saying.chunks.append(chunk)
        saying.made_ms += g711.duration_ms(chunk)
        self._outbox.send_due(self._sent)
        self._wake.set()
        while self._playout.waiting_ms > MADE_AHEAD_MS:
            self._room.clear()
            await self._room.wait()

    def _sent(self, command: PlayAudio) -> None:
        now, gap_ms = self._clock.now(), self._playout.gap_ms()
        before_ms = max(0.0, self._playout.ahead_ms(now) - g711.duration_ms(command.payload))
        for number, frame in enumerate(g711.frames(command.payload), 1):
            self._echo.played(now + (before_ms + number * g711.FRAME_MS) / 1000, g711.rms(frame))
        sent_ms = self._playout.sent_ms
        starting = [saying for saying in self._sayings if not saying.started and sent_ms > saying.start_ms]
        for saying in starting:
            saying.started = True
        if gap_ms:
            speaking = [saying for saying in self._sayings if saying.started][-1]
            speaking.gap_ms = max(speaking.gap_ms, gap_ms)
        for saying in starting:
            self._reports.prompt_started(
                saying.prompt, saying.ready_at, now, cached=saying.cached, ahead_ms=before_ms
            )

    def _settle(self) -> None:
        now = self._clock.now()
        if self._playout.waiting_ms <= MADE_AHEAD_MS:
            self._room.set()
        finished = self._playout.finished(now)
        self._retire(math.inf if finished else self._playout.proven_ms)
        if self.speaking and finished and not (self._sayings or self._prompts or self._making):
            self._silent.set()
            self._reports.fell_silent()

    def _retire(self, heard_ms: float) -> None:
        """What was heard to its end is over."""
        while self._sayings and self._sayings[0].heard_by(heard_ms):
            saying = self._sayings.popleft()
            whole = Spoken(saying.prompt, saying.prompt.record, "", saying.gap_ms)
            self._reports.prompt_ended(saying.spoken(saying.end_ms) if saying.broke_off else whole)

    def close(self) -> list[Prompt]:
        """Nothing can be said any more; what, for all that is proven, was not heard to its end."""
        self._retire(self._playout.proven_ms)
        return [*(one.prompt for one in self._sayings), *self._prompts]

    def _rest_s(self) -> float | None:
        now = self._clock.now()
        due = self._playout.due_at(now)
        if due is None and self.speaking and not self._making:
            due = self._playout.gives_up_at
        return None if due is None else max(due - now, 0.001)

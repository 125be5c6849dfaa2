"""One call's ear over several recognisers: `FailoverStream`.

Who leads hears every frame. The standby hears nothing until it joins in; then it gets the utterance from its beginning.
A recogniser that was left is opened anew behind the standby's back, listens along for a while, and leads again between
two utterances.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from weakref import ref

from app.clock import Clock
from app.errors import ProviderError, TimedOut
from app.orchestrator.listening import STALE_MS, must_join, verdict
from app.orchestrator.speech_provider import OnSwitch, SpeechProvider, Switch
from providers.background import BackgroundTasks
from providers.base import Hypothesis, Transcriber, TranscriptionStream

BYTES_PER_MS = 8
PRE_ROLL_BYTES = 400 * BYTES_PER_MS
REPLAYED_BYTES = 30_000 * BYTES_PER_MS
GRACE_S = 0.1
LONG_GRACE_S = 0.5  # for one that begins to work when speech pauses
PATIENCE_S = 1.5
RETURN_EVERY_S = 1.0
PROBATION_S = 1.0
CLOSE_S = 1.0
OPEN_S = 0.3
REOPEN_S = 3.0
SILENT = "no words from it while another heard some"


class Engine:
    """A transcriber of the chain, and what is known of it."""

    def __init__(self, transcriber: Transcriber, clock: Clock) -> None:
        self.transcriber = transcriber
        self.provider = SpeechProvider("transcriber", transcriber.name, clock)

    @property
    def name(self) -> str:
        return self.transcriber.name


class _Ear:
    """A stream of an engine, and its last words in this utterance."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.words: Hypothesis | None = None
        self.proven = False
        self.stream: TranscriptionStream

    @property
    def text(self) -> str:
        return self.words.text if self.words else ""


Listen = Callable[[Engine, Callable[[Hypothesis], None]], Any]


class FailoverStream:
    """See `TranscriptionStream`. `lead` is who listens; `standby` listens along when it has to."""

    def __init__(
        self,
        engines: Sequence[Engine],
        listen: Listen,
        language: str,
        on_partial: Callable[[Hypothesis], None],
        on_switch: OnSwitch,
    ) -> None:
        self._engines = engines
        self._listen = listen
        self._language = language
        self._on_partial = on_partial
        self._on_switch = on_switch
        self._tasks = BackgroundTasks()
        self._lead: _Ear
        self._standby: _Ear | None = None
        self._returning: _Ear | None = None
        self._joined = False
        self._lent = 0
        self._recent = bytearray()
        self._speaking = False
        self._paused = False
        self._speech_ms = 0.0
        self._words_ms = 0.0

    @property
    def failure(self) -> ProviderError | None:
        return self._lead.stream.failure

    async def begin(self) -> None:
        """Open who leads, and who stands by. Raises ProviderError when not even the last can be had."""
        last = self._engines[-1]
        for engine in self._engines[:-1]:
            if not engine.provider.breaker.allows:
                continue
            try:
                self._lead = await self._opened(engine, OPEN_S)
            except ProviderError as error:
                engine.provider.failed(error)
                self._on_switch(Switch("transcriber", engine.name, last.name, str(error)))
                continue
            with suppress(ProviderError):
                self._standby = await self._opened(last)
            return
        self._lead = await self._opened(last)
        self._come_back()

    async def _opened(self, engine: Engine, within_s: float | None = None) -> _Ear:
        """Raises ProviderError."""
        ear = _Ear(engine)
        ours, its = ref(self), ref(ear)  # the stream keeps `heard`: it must not keep who keeps the stream

        def heard(words: Hypothesis) -> None:
            us, ear = ours(), its()
            if us and ear:
                us._heard(ear, words)

        try:
            async with asyncio.timeout(within_s):
                ear.stream = await self._listen(engine, heard)
        except TimeoutError:
            raise TimedOut(f"{engine.name} does not begin to listen within {within_s} s") from None
        return ear

    def push(self, audio: bytes) -> None:
        self._recent += audio
        kept = REPLAYED_BYTES if self._speaking else PRE_ROLL_BYTES
        if len(self._recent) > kept + PRE_ROLL_BYTES:
            del self._recent[:-kept]
        self._lead.stream.push(audio)
        if self._joined and self._standby:
            self._standby.stream.push(audio)
        if self._returning:
            self._returning.stream.push(audio)
        self._watch_over(len(audio) / BYTES_PER_MS)

    def utterance_started(self) -> None:
        if not self._speaking:
            self._returned()
            self._speaking, self._speech_ms, self._words_ms = True, 0.0, 0.0
            self._lead.words = None
            del self._recent[:-PRE_ROLL_BYTES]
        self._paused = False
        self._lead.stream.utterance_started()
        if self._joined and self._standby:
            self._standby.stream.utterance_started()

    def utterance_paused(self) -> None:
        self._paused = True
        self._lead.stream.utterance_paused()
        if self._joined and self._standby:
            self._standby.stream.utterance_paused()

    async def hypothesis(self) -> Hypothesis:
        try:
            words = await self._lead.stream.hypothesis()
        except ProviderError as error:
            self._take_over(error)
            return await self._lead.stream.hypothesis()
        if not words.text and self._speaking:
            self._join()
        if not self._joined or not self._standby:
            return words
        try:
            theirs = await self._standby.stream.hypothesis()
        except ProviderError:
            return words
        return words if self._verdict(words.text, theirs.text) == "lead" else theirs

    async def finish(self) -> Hypothesis:
        try:
            words = await self._finished()
        finally:
            self._utterance_over()
        return words

    async def _finished(self) -> Hypothesis:
        lead, standby = self._lead, self._standby
        if not self._speaking or not standby:
            return await lead.stream.finish()
        patience_s = PATIENCE_S
        if self._joined and not lead.text:
            patience_s = GRACE_S if lead.engine.transcriber.partials else LONG_GRACE_S
        try:
            async with asyncio.timeout(patience_s):
                words: Hypothesis | None = await lead.stream.finish()
        except TimeoutError:
            words = None
        except ProviderError as error:
            self._take_over(error)
            return await self._lead.stream.finish()
        if words and words.text and not self._joined:
            self._did_well()
            return words
        self._join()
        ours = words or lead.words or Hypothesis("", self._language, True, 0.0)
        try:
            theirs = await standby.stream.finish()
        except ProviderError:
            if not ours.text:
                raise
            return replace(ours, final=True)
        return self._judged(ours, theirs)

    def discard(self) -> None:
        self._lead.stream.discard()
        if self._joined and self._standby:
            self._standby.stream.discard()
        self._utterance_over()

    async def aclose(self) -> None:
        await self._tasks.aclose()
        ears = (getattr(self, "_lead", None), self._standby, self._returning)
        for ear in ears:
            if ear:
                await ear.stream.aclose()

    # who listens

    def _watch_over(self, fresh_ms: float) -> None:
        lead = self._lead
        if lead.stream.failure and self._standby:
            self._take_over(lead.stream.failure)
        if self._speaking and not self._paused:
            self._speech_ms += fresh_ms
            self._words_ms += fresh_ms
            late = must_join(self._speech_ms, self._words_ms, bool(lead.text))
            if late and lead.engine.transcriber.partials:
                self._join()

    def _join(self) -> None:
        """The standby gets the utterance from its beginning, and what came right before."""
        if self._joined or not self._standby or not self._speaking:
            return
        self._joined = True
        stream, audio = self._standby.stream, bytes(self._recent)
        self._standby.words = None
        stream.push(audio[:PRE_ROLL_BYTES])
        stream.utterance_started()
        stream.push(audio[PRE_ROLL_BYTES:])
        if self._paused:
            stream.utterance_paused()

    def _heard(self, ear: _Ear, words: Hypothesis) -> None:
        ear.words = words
        if ear is self._lead:
            self._words_ms = 0.0
            if words.text:
                self._on_partial(words)
        elif self._lead.text and self._words_ms < STALE_MS:
            return  # a word or two behind is not silent
        elif ear is self._standby and self._verdict(self._lead.text, words.text) != "lead":
            self._on_partial(words)
            if self._verdict(self._lead.text, words.text) == "replace":
                self._take_over(TimedOut(f"{self._lead.engine.name}: {SILENT}"))

    def _verdict(self, ours: str, theirs: str) -> str:
        partials = self._lead.engine.transcriber.partials
        return verdict(ours, theirs, self._speech_ms, self._lent, partials=partials)

    def _judged(self, ours: Hypothesis, theirs: Hypothesis) -> Hypothesis:
        """The utterance is over: whose words it has."""
        lead = self._lead.engine
        match self._verdict(ours.text, theirs.text):
            case "lead":
                if ours.text:
                    self._did_well()
                return replace(ours, final=True)
            case "lend":
                self._lent += 1
                assert self._standby
                self._on_switch(Switch("transcriber", lead.name, self._standby.engine.name, "for once"))
            case _:
                self._speaking = False  # the standby has finished already
                self._take_over(TimedOut(f"{lead.name}: {SILENT}"))
        return theirs

    def _did_well(self) -> None:
        self._lent = 0
        self._lead.engine.provider.succeeded()

    def _take_over(self, error: ProviderError) -> None:
        """The standby leads from now on. Raises `error` when there is none."""
        if not self._standby:
            raise error
        self._join()
        left, self._lead, self._standby = self._lead, self._standby, None
        self._joined, self._lent = False, 0
        left.engine.provider.failed(error)
        self._on_switch(Switch("transcriber", left.engine.name, self._lead.engine.name, str(error)))
        self._tasks.create_task(_closed(left.stream))
        self._come_back()

    # the way back

    def _come_back(self) -> None:
        if len(self._engines) > 1:
            self._tasks.create_task(self._reopen())

    async def _reopen(self) -> None:
        """Open the best engine that is allowed, until one has listened for a while without failing."""
        while True:
            await asyncio.sleep(RETURN_EVERY_S)
            engine = next((e for e in self._engines[:-1] if e.provider.breaker.allows), None)
            if not engine:
                continue
            try:
                ear = self._returning = await self._opened(engine, REOPEN_S)
            except ProviderError as error:
                engine.provider.failed(error)
                continue
            await asyncio.sleep(PROBATION_S)
            if not ear.stream.failure:
                ear.proven = True
                self._returned()
                return
            self._returning = None
            engine.provider.failed(ear.stream.failure)
            await _closed(ear.stream)

    def _returned(self) -> None:
        """Who has been reopened leads again, between two utterances."""
        ear = self._returning
        if not ear or not ear.proven or self._speaking or ear.stream.failure:
            return
        left, self._lead, self._standby, self._returning = self._lead, ear, self._lead, None
        self._on_switch(Switch("transcriber", left.engine.name, ear.engine.name, "back"))

    def _utterance_over(self) -> None:
        self._speaking = self._paused = self._joined = False
        self._lead.words = None
        if self._standby:
            self._standby.stream.discard()
            self._standby.words = None
        self._returned()


async def _closed(stream: TranscriptionStream) -> None:
    with suppress(TimeoutError, ProviderError):
        async with asyncio.timeout(CLOSE_S):
            await stream.aclose()

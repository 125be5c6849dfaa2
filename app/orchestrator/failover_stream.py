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
from weakref import ref

from app.audio.g711 import duration_ms
from app.errors import ProviderError, TimedOut
from app.orchestrator.chain import OnSwitch, Switch
from app.orchestrator.ear import Ear, EarProvider, Listen, Recent
from app.orchestrator.listening import STALE_MS, must_join, verdict
from app.orchestrator.way_back import WayBack
from providers.background import BackgroundTasks
from providers.base import Hypothesis

GRACE_S = 0.1
LONG_GRACE_S = 0.5  # for one that begins to work when speech pauses
PATIENCE_S = 1.5
OPEN_S = 0.3
SILENT = "no words from it while another heard some"


class FailoverStream:
    """See `TranscriptionStream`. The last of `providers` stands by, and listens along when it has to."""

    def __init__(
        self,
        providers: Sequence[EarProvider],
        listen: Listen,
        language: str,
        on_partial: Callable[[Hypothesis], None],
        on_switch: OnSwitch,
    ) -> None:
        self._providers = providers
        self._listen = listen
        self._language = language
        self._on_partial = on_partial
        self._on_switch = on_switch
        self._tasks = BackgroundTasks()
        self._way_back = WayBack(providers[:-1])
        self._lead: Ear
        self._standby: Ear | None = None
        self._joined = False
        self._lent = 0
        self._recent = Recent()
        self._speaking = False
        self._paused = False
        self._speech_ms = 0.0
        self._words_ms = 0.0

    @property
    def failure(self) -> ProviderError | None:
        return self._lead.stream.failure

    async def begin(self) -> None:
        """Open who leads, and who stands by. Raises ProviderError when not even the last can be had."""
        *others, last = self._providers
        for provider in others:
            if not provider.breaker.allows:
                continue
            try:
                self._lead = await self._opened(provider, OPEN_S)
            except ProviderError as error:
                provider.failed(error)
                self._on_switch(Switch("transcriber", provider.name, last.name, str(error)))
                continue
            with suppress(ProviderError):
                self._standby = await self._opened(last, None)
            return
        self._lead = await self._opened(last, None)
        self._way_back.begin(self._opened, self._returned)

    async def _opened(self, provider: EarProvider, within_s: float | None) -> Ear:
        """Raises ProviderError."""
        ear = Ear(provider)
        ours, its = ref(self), ref(ear)  # the stream keeps `heard`: it must not keep who keeps the stream

        def heard(words: Hypothesis) -> None:
            us, ear = ours(), its()
            if us and ear:
                us._heard(ear, words)

        await ear.open(self._listen, heard, within_s)
        return ear

    def push(self, audio: bytes) -> None:
        self._recent.push(audio, speaking=self._speaking)
        for ear in self._listening:
            ear.stream.push(audio)
        self._way_back.push(audio)
        self._watch_over(duration_ms(audio))

    @property
    def _listening(self) -> list[Ear]:
        return [self._lead, self._standby] if self._joined and self._standby else [self._lead]

    def utterance_started(self) -> None:
        if not self._speaking:
            self._returned()
            self._speaking, self._speech_ms, self._words_ms = True, 0.0, 0.0
            self._lead.words = None
            self._recent.utterance_started()
        self._paused = False
        for ear in self._listening:
            ear.stream.utterance_started()

    def utterance_paused(self) -> None:
        self._paused = True
        for ear in self._listening:
            ear.stream.utterance_paused()

    async def hypothesis(self) -> Hypothesis:
        try:
            words = await self._lead.hypothesis()
        except ProviderError as error:
            self._take_over(error)
            return await self._lead.hypothesis()
        if not words.text and self._speaking:
            self._join()
        if not self._joined or not self._standby:
            return words
        try:
            theirs = await self._standby.hypothesis()
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
            return await lead.finish()
        patience_s = PATIENCE_S
        if self._joined and not lead.text:
            patience_s = GRACE_S if lead.partials else LONG_GRACE_S
        try:
            async with asyncio.timeout(patience_s):
                words: Hypothesis | None = await lead.finish()
        except TimeoutError:
            words = None
        except ProviderError as error:
            self._take_over(error)
            return await self._lead.finish()
        if words and words.text and not self._joined:
            self._did_well()
            return words
        self._join()
        ours = words or lead.words or Hypothesis("", self._language, True, 0.0)
        try:
            theirs = await standby.finish()
        except ProviderError:
            if not ours.text:
                raise
            return replace(ours, final=True)
        return self._judged(ours, theirs)

    def discard(self) -> None:
        for ear in self._listening:
            ear.stream.discard()
        self._utterance_over()

    async def aclose(self) -> None:
        await self._tasks.aclose()
        await self._way_back.aclose()
        for ear in (getattr(self, "_lead", None), self._standby):
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
            if late and lead.partials:
                self._join()

    def _join(self) -> None:
        """The standby gets the utterance from its beginning, and what came right before."""
        if self._joined or not self._standby or not self._speaking:
            return
        self._joined = True
        self._standby.words = None
        self._recent.replay(self._standby.stream, paused=self._paused)

    def _heard(self, ear: Ear, words: Hypothesis) -> None:
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
                self._take_over(TimedOut(f"{self._lead.name}: {SILENT}"))

    def _verdict(self, ours: str, theirs: str) -> str:
        partials = self._lead.partials
        return verdict(ours, theirs, self._speech_ms, self._lent, partials=partials)

    def _judged(self, ours: Hypothesis, theirs: Hypothesis) -> Hypothesis:
        """The utterance is over: whose words it has."""
        lead = self._lead
        match self._verdict(ours.text, theirs.text):
            case "lead":
                if ours.text:
                    self._did_well()
                return replace(ours, final=True)
            case "lend":
                self._lent += 1
                assert self._standby
                self._on_switch(Switch("transcriber", lead.name, self._standby.name, "for once"))
            case _:
                self._speaking = False  # the standby has finished already
                self._take_over(TimedOut(f"{lead.name}: {SILENT}"))
        return theirs

    def _did_well(self) -> None:
        self._lent = 0
        self._lead.provider.succeeded()

    def _take_over(self, error: ProviderError) -> None:
        """The standby leads from now on. Raises `error` when there is none."""
        if not self._standby:
            raise error
        self._join()
        left, self._lead, self._standby = self._lead, self._standby, None
        self._joined, self._lent = False, 0
        left.provider.failed(error)
        self._on_switch(Switch("transcriber", left.name, self._lead.name, str(error)))
        self._tasks.create_task(left.aclose())
        self._way_back.begin(self._opened, self._returned)

    def _returned(self) -> None:
        """Who has been reopened leads again, between two utterances."""
        ear = None if self._speaking else self._way_back.take()
        if ear:
            left, self._lead, self._standby = self._lead, ear, self._lead
            self._on_switch(Switch("transcriber", left.name, ear.name, "back"))

    def _utterance_over(self) -> None:
        self._speaking = self._paused = self._joined = False
        self._lead.words = None
        if self._standby:
            self._standby.stream.discard()
            self._standby.words = None
        self._returned()

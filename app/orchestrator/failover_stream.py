"""One call's ear over several recognisers: `FailoverStream`.

Who leads hears every frame. The standby hears nothing until it joins in; then it gets the utterance from its beginning.
A recogniser that was left is opened anew behind the standby's back, listens along for a while, and leads again between
two utterances. While the words of an utterance are awaited the next may begin: who listens is settled after that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from weakref import ref

from app.audio.g711 import duration_ms
from app.errors import ProviderError, TimedOut
from app.orchestrator.chain import OnSwitch, Switch
from app.orchestrator.ear import Ear, EarProvider, Listen, Recent, Utterance, replay
from app.orchestrator.listening import STALE_MS, Verdict, must_join, verdict
from app.orchestrator.way_back import WayBack
from providers.background import BackgroundTasks
from providers.base import Hypothesis
from providers.patience import patience

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
        self._lent = 0
        self._recent = Recent()
        self._utterance: Utterance | None = None
        self._finishing = False

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
        self._recent.push(audio, speaking=self._utterance is not None)
        for ear in self._listening:
            ear.stream.push(audio)
        self._way_back.push(audio)
        self._watch_over(duration_ms(audio))

    @property
    def _listening(self) -> list[Ear]:
        joined = self._standby if self._utterance and self._utterance.joined else None
        return [self._lead, joined] if joined else [self._lead]

    def utterance_started(self) -> None:
        if not self._utterance:
            self._returned()
            self._utterance = Utterance()
            self._lead.words = None
            self._recent.utterance_started()
        self._utterance.paused = False
        for ear in self._listening:
            ear.stream.utterance_started()

    def utterance_paused(self) -> None:
        if self._utterance:
            self._utterance.paused = True
        for ear in self._listening:
            ear.stream.utterance_paused()

    async def hypothesis(self) -> Hypothesis:
        try:
            words = await self._lead.hypothesis()
        except ProviderError as error:
            if self._finishing:
                raise
            self._take_over(error)
            return await self._lead.hypothesis()
        if not words.text:
            self._join()
        utterance = self._utterance
        if not utterance or not utterance.joined or not self._standby:
            return words
        try:
            theirs = await self._standby.hypothesis()
        except ProviderError:
            return words
        return words if self._verdict(utterance, words.text, theirs.text) == "lead" else theirs

    async def finish(self) -> Hypothesis:
        utterance, self._utterance = self._utterance, None
        lead, said = self._lead, self._recent.utterance_over()
        self._finishing = True
        try:
            return await self._finished(utterance, said)
        finally:
            self._finishing = False
            self._settle(lead)

    async def _finished(self, utterance: Utterance | None, said: bytes) -> Hypothesis:
        lead, standby = self._lead, self._standby
        if not utterance or not standby:
            return await lead.finish()
        so_far = lead.words
        try:
            async with patience(_patience_s(lead, utterance)):
                words = await lead.finish()
        except TimeoutError:
            so_far = so_far if self._utterance else lead.words
            words = so_far or Hypothesis("", self._language, True, 0.0)
        except ProviderError as error:
            _bring_in(standby, utterance, said)
            self._take_over(error)
            return await standby.finish()
        else:
            if words.text and words.final and not utterance.joined:
                self._did_well()
                return words
        _bring_in(standby, utterance, said)
        try:
            async with patience(LONG_GRACE_S if words.text else None):
                theirs = await standby.finish()
        except (ProviderError, TimeoutError):
            if not words.text:
                raise
            return words
        return self._judged(utterance, words, theirs)

    def discard(self) -> None:
        for ear in self._listening:
            ear.stream.discard()
        self._utterance = None
        if not self._finishing:
            self._utterance_over()

    async def aclose(self) -> None:
        await self._tasks.aclose()
        await self._way_back.aclose()
        for ear in (getattr(self, "_lead", None), self._standby):
            if ear:
                await ear.stream.aclose()

    # who listens

    def _watch_over(self, fresh_ms: float) -> None:
        lead, utterance = self._lead, self._utterance
        if lead.stream.failure and self._standby and not self._finishing:
            self._take_over(lead.stream.failure)
        if utterance and not utterance.paused:
            utterance.speech_ms += fresh_ms
            utterance.words_ms += fresh_ms
            late = must_join(utterance.speech_ms, utterance.words_ms, bool(lead.text))
            if late and lead.partials:
                self._join()

    def _join(self) -> None:
        """The standby gets the utterance from its beginning, and what came right before."""
        if self._utterance and self._standby and not self._finishing:
            _bring_in(self._standby, self._utterance, self._recent.audio)

    def _heard(self, ear: Ear, words: Hypothesis) -> None:
        ear.words = words
        utterance = self._utterance
        if ear is self._lead:
            if utterance:
                utterance.words_ms = 0.0
            if words.text:
                self._on_partial(words)
        elif ear is not self._standby or not utterance or self._finishing:
            return
        elif self._lead.text and utterance.words_ms < STALE_MS:
            return  # a word or two behind is not silent
        elif (whose := self._verdict(utterance, self._lead.text, words.text)) != "lead":
            self._on_partial(words)
            if whose == "replace":
                self._take_over(TimedOut(f"{self._lead.name}: {SILENT}"))

    def _verdict(self, utterance: Utterance, ours: str, theirs: str, *, broken_off: bool = False) -> Verdict:
        partials = self._lead.partials
        return verdict(
            ours,
            theirs,
            utterance.speech_ms,
            self._lent,
            self._language,
            partials=partials,
            broken_off=broken_off,
        )

    def _judged(self, utterance: Utterance, ours: Hypothesis, theirs: Hypothesis) -> Hypothesis:
        """The utterance is over: whose words it has."""
        name = self._lead.name
        match self._verdict(utterance, ours.text, theirs.text, broken_off=not ours.final):
            case "lead":
                if ours.text:
                    self._did_well()
                return ours
            case "lend":
                self._lent += 1
                assert self._standby
                self._on_switch(Switch("transcriber", name, self._standby.name, "for once"))
            case _:
                self._take_over(TimedOut(f"{name}: {SILENT}"))
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
        self._lent = 0
        if self._utterance:
            self._utterance.joined = False
        left.provider.failed(error)
        self._on_switch(Switch("transcriber", left.name, self._lead.name, str(error)))
        self._tasks.create_task(left.aclose())
        self._way_back.begin(self._opened, self._returned)

    def _returned(self) -> None:
        """Who has been reopened leads again, between two utterances."""
        ear = None if self._utterance or self._finishing else self._way_back.take()
        if ear:
            left, self._lead, self._standby = self._lead, ear, self._lead
            self._on_switch(Switch("transcriber", left.name, ear.name, "back"))

    def _utterance_over(self) -> None:
        self._lead.words = None
        self._clear_standby()
        self._returned()

    def _settle(self, lead: Ear) -> None:
        """The words are there. If the next utterance began while they were awaited, `lead` has it, and nobody else."""
        utterance = self._utterance
        if not utterance:
            self._utterance_over()
            return
        if self._lead is not lead:
            self._lead.stream.discard()
            replay(self._recent.audio, self._lead.stream, paused=utterance.paused)
        self._clear_standby()

    def _clear_standby(self) -> None:
        if self._standby:
            self._standby.stream.discard()
            self._standby.words = None


def _patience_s(lead: Ear, utterance: Utterance) -> float:
    """How long its last words are waited for."""
    if not utterance.joined or lead.text:
        return PATIENCE_S
    return GRACE_S if lead.partials else LONG_GRACE_S


def _bring_in(standby: Ear, utterance: Utterance, said: bytes) -> None:
    if not utterance.joined:
        utterance.joined = True
        standby.words = None
        replay(said, standby.stream, paused=utterance.paused)

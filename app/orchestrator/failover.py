"""Several language models that look like one: the shell that carries out what `plan.ReplyPlan` decides.

Every decision goes to whoever watches, so that a call's journal can say who answered and why. Between providers
nothing is said twice and no sentence breaks off: see `splice`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, replace
from typing import Literal

from app.clock import Clock
from app.errors import BrokenStream, ProviderError, Refused, TimedOut
from app.orchestrator.attempts import Attempts, attempts
from app.orchestrator.chain import Chain
from app.orchestrator.counting import SURE, Counts
from app.orchestrator.hedge import HedgeTokens
from app.orchestrator.ladder import Economy
from app.orchestrator.model_provider import ModelProvider
from app.orchestrator.plan import BETWEEN_TOKENS_S, Action, GiveUp, ReplyPlan, Start, Stop, Why
from app.orchestrator.routes import Routes
from app.orchestrator.splice import Splice, WholeWords
from providers.base import Finished, LanguageModel, ModelEvent, ModelRequest, TextDelta


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that happened to a reply, `after_ms` after it was asked for.

    `started` (why: first, failed, hedge, late), `answered` with its first token, `failed` (why: the error), `stopped`
    because another was faster, `finished`, or `gave_up`; `provider` is then empty.
    """

    what: Literal["started", "answered", "failed", "stopped", "finished", "gave_up"]
    provider: str
    after_ms: float
    why: str = ""


def _unwatched(decision: Decision) -> None:
    """Nobody wants to know."""


class FailoverModel(Chain[ModelProvider], LanguageModel):
    """The first of `models` that answers in time, by preference; with names that differ.

    `routes` may say for a language who is preferred, and how it is spoken; `bigger` are those that take longer for
    being better. `standby` is on this machine, and is asked when none of them answers: never beside another. `economy`
    is what is given up: the bigger ones come last, replies are short, nobody hedges, nothing is asked for early.
    """

    def __init__(
        self,
        models: Sequence[LanguageModel],
        clock: Clock,
        routes: Routes | None = None,
        bigger: Collection[str] = (),
        standby: LanguageModel | None = None,
    ) -> None:
        everybody = [*models, standby] if standby else models
        super().__init__("models", [ModelProvider(model, clock) for model in everybody], clock, routes)
        self.standby = self.providers[standby.name] if standby else None
        self.tokens = HedgeTokens()
        self.economy = Economy()
        self._bigger = frozenset(bigger)
        self._on_decision: Callable[[Decision], None] = _unwatched
        self._counts = SURE

    def __repr__(self) -> str:
        return f"FailoverModel({', '.join(self.providers)})"

    def watched(self, on_decision: Callable[[Decision], None], counts: Counts = SURE) -> FailoverModel:
        """The same models with the same memory; every decision about replies asked for here is told.

        `counts` says when such a reply counts as a turn's.
        """
        other = copy(self)
        other._on_decision = on_decision
        other._counts = counts
        return other

    @property
    def hedges(self) -> bool:
        """Whether a second provider may be asked beside a slow first."""
        return "no_hedge" not in self.economy.in_force

    def routed(self, language: str) -> list[str]:
        """By preference, without who stands by."""
        names = [name for name, provider in self.providers.items() if provider is not self.standby]
        names = self.routes.ordered("models", language, names)
        if "small_model" in self.economy.in_force:
            names.sort(key=self._bigger.__contains__)
        return names

    def plan(self, language: str) -> ReplyPlan:
        """Of a reply in a language that is asked for now."""
        chain = [provider.candidate() for provider in self.serving(language) if provider.breaker.allows]
        tokens = self.tokens if self.hedges else HedgeTokens()
        return ReplyPlan(chain, tokens, self.standby.candidate() if self.standby else None)

    def asked(self, request: ModelRequest) -> ModelRequest:
        """As it goes out: in the language's manner, and briefly where time is short."""
        brief = "short_answers" in self.economy.in_force
        return replace(request, style=self.routes.of(request.language).style, brief=brief)

    async def reply(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `LanguageModel`. Raises what the last provider failed with when none is left."""
        self._counts.add(self.tokens.turn)
        async with attempts() as running:
            reply = _Reply(self, request, running, self._on_decision)
            async with aclosing(reply.events()) as events:
                async for event in events:
                    yield event


class _Reply:
    """One reply on its way. `said` is what has been passed on."""

    def __init__(
        self,
        owner: FailoverModel,
        request: ModelRequest,
        running: Attempts,
        on_decision: Callable[[Decision], None],
    ) -> None:
        self._providers = owner.providers
        self._clock = owner.clock
        self._request = owner.asked(request)
        self._running = running
        self._on_decision = on_decision
        self._began_s = owner.clock.now()
        self._starts: dict[str, tuple[float, Why]] = {}
        self._standby = owner.standby
        self._plan = owner.plan(request.language)
        self._failure: ProviderError = Refused("no language model: all of them are down; see /health")
        self._said = ""
        self._chosen = False
        self._words = WholeWords()
        self._splice = Splice("")

    async def events(self) -> AsyncGenerator[ModelEvent, None]:
        self._carry_out(self._plan.begin(self._clock.now()))
        while True:
            came = await self._running.next(self._wait_s())
            for event in self._happened(*came) if came else self._nothing_came():
                yield event
                if isinstance(event, Finished):
                    return

    def _wait_s(self) -> float:
        next_s = self._plan.next_s()
        return BETWEEN_TOKENS_S if next_s is None else max(0.0, next_s - self._clock.now())

    def _nothing_came(self) -> Iterator[ModelEvent]:
        if winner := self._plan.winner:
            yield from self._broke(
                winner, BrokenStream(f"{winner}: stalled in mid-stream", emitted=self._said)
            )
        else:
            self._carry_out(self._plan.due(self._clock.now()))

    def _happened(self, name: str, event: ModelEvent | ProviderError) -> Iterator[ModelEvent]:
        if isinstance(event, ProviderError):
            yield from self._broke(name, event)
            return
        if not self._plan.winner:
            self._first_token(name)
        if isinstance(event, Finished):
            self._providers[name].succeeded()
            self._tell("finished", name)
        yield from self._passed_on(event)

    def _first_token(self, name: str) -> None:
        now_s = self._clock.now()
        self._learn(name, now_s)
        self._tell("answered", name)
        self._carry_out(self._plan.spoke(name, now_s))

    def _passed_on(self, event: ModelEvent) -> Iterator[ModelEvent]:
        """Whole words that are new, and everything else as it is."""
        if isinstance(event, TextDelta):
            text = self._splice.feed(self._words.feed(event.text))
        else:
            text = self._splice.feed(self._words.end()) + self._splice.end()
            self._chosen = True
        self._said += text
        if text:
            yield TextDelta(text)
        if not isinstance(event, TextDelta):
            yield event

    def _broke(self, name: str, error: ProviderError) -> Iterator[ModelEvent]:
        """The next one goes on; but a reply that has asked for a tool, or ended the conversation, is complete."""
        self._running.stop(name)
        self._providers[name].failed(error)
        self._tell("failed", name, str(error))
        if self._providers[name] is not self._standby:  # that it knows no answer either explains nothing
            self._failure = error
        if self._chosen:
            yield Finished()
            return
        if name == self._plan.winner:
            self._words, self._splice = WholeWords(), Splice(self._said)
        self._carry_out(self._plan.failed(name, self._clock.now()))

    def _carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Start():
                    self._start(action)
                case Stop():
                    self._stop(action)
                case GiveUp():
                    self._tell("gave_up", "")
                    raise self._given_up(action)

    def _start(self, start: Start) -> None:
        self._starts[start.name] = (self._clock.now(), start.why)
        self._tell("started", start.name, start.why)
        request = replace(self._request, begun=self._request.begun + self._said)
        self._running.start(self._providers[start.name].engine, request)

    def _stop(self, stop: Stop) -> None:
        """One that was too slow has at least taken that long, and has failed if it was late."""
        provider, now_s = self._providers[stop.name], self._clock.now()
        self._running.stop(stop.name)
        self._tell("stopped", stop.name)
        if stop.slow:
            self._learn(stop.name, now_s)
        if stop.late:
            self._failure = TimedOut(f"{stop.name}: no first token in time")
            provider.failed(self._failure)

    def _learn(self, name: str, now_s: float) -> None:
        """Nothing from a race: who was asked beside another is only ever seen to answer quickly."""
        started_s, why = self._starts[name]
        tokens = self._providers[name].first_tokens
        tokens.used(now_s)
        if why in ("first", "failed"):
            tokens.learn(now_s - started_s)

    def _given_up(self, action: GiveUp) -> ProviderError:
        failure = self._failure
        if action.silent:
            failure = TimedOut("no language model answered in time")
            for name in action.silent:
                self._providers[name].failed(TimedOut(f"{name}: no first token in time"))
        if self._said:
            return BrokenStream(str(failure), emitted=self._said)
        return failure

    def _tell(
        self,
        what: Literal["started", "answered", "failed", "stopped", "finished", "gave_up"],
        provider: str,
        why: str = "",
    ) -> None:
        after_ms = (self._clock.now() - self._began_s) * 1000
        self._on_decision(Decision(what, provider, round(after_ms, 1), why))

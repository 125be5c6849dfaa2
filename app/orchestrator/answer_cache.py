"""Answers of a model, given again to who asks the same: where the flow's node allows it, for half an hour.

The same is: the same version and node, language, instruction (with the values that were put into it), facts and
conversation so far, and the same last words. Those may differ in words without content ("is there parking", "do you
have parking, please") if they are near in meaning, too, and name the same numbers: "before the test" is not "after
the test", however near they are. Answers that used a tool are never kept, nor those that are not the best to be had: of
who stands by while the models are down, or in the shortness of a minute that was late.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, field
from functools import partial

from app.clock import Clock
from app.errors import ProviderError
from app.flow.languages import language
from app.flow.phrases import words_of
from app.orchestrator.cache_figures import CacheFigures
from app.orchestrator.counting import SURE, Counts
from app.orchestrator.failover import Decision, FailoverModel
from app.orchestrator.ladder import Economy
from providers.base import (
    Finished,
    LanguageModel,
    ModelEvent,
    ModelRequest,
    OutcomeChosen,
    SimilarityModel,
    TextDelta,
    ToolCall,
)

TTL_S = 1800.0
ANSWERS_MAX = 500
# measured on pairs of questions: paraphrases that differ in words without content come to 0.8 and more
NEAR = 0.8
COMPARING_S = 0.1

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered to `question`."""

    question: str = field(repr=False)
    text: str = field(repr=False)
    outcome: str | None
    until: float


class Answers:
    """The memory of one process, bounded: what was kept first goes first. They hold what callers said: sweep it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, Words], Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, context: str, words: Words) -> Answer | None:
        """What was answered to these very words."""
        answer = self._kept.get((context, words))
        return answer if answer and answer.until > self._clock.now() else None

    def of(self, context: str) -> list[Answer]:
        """What was answered in a context, to whatever words."""
        now = self._clock.now()
        return [answer for (of, _), answer in self._kept.items() if of == context and answer.until > now]

    def keep(self, context: str, question: str, text: str, outcome: str | None) -> None:
        """For as long as an answer is good."""
        key = context, words_of(question)
        self._kept[key] = Answer(question, text, outcome, self._clock.now() + TTL_S)
        self._kept.move_to_end(key)
        if len(self._kept) > ANSWERS_MAX:
            self._kept.popitem(last=False)

    def sweep(self) -> None:
        """Let go of all whose time is over."""
        now = self._clock.now()
        for key in [key for key, answer in self._kept.items() if answer.until <= now]:
            del self._kept[key]


class RememberingModel(LanguageModel):
    """See `LanguageModel`. `figures` count the requests that may be answered from memory, which is `answers`."""

    def __init__(
        self,
        model: LanguageModel,
        answers: Answers,
        figures: CacheFigures,
        similarity: SimilarityModel | None = None,
    ) -> None:
        self._model = model
        self._answers = answers
        self._similarity = similarity
        self._on_decision: Callable[[Decision], None] = _unwatched
        self._counts = SURE
        self._figures = figures

    def watched(self, on_decision: Callable[[Decision], None], counts: Counts = SURE) -> RememberingModel:
        """The same with the same memory; see `FailoverModel.watched`."""
        other = copy(self)
        other._on_decision = on_decision
        other._counts = counts
        return other

    @property
    def economy(self) -> Economy:
        """What is given up where there is a chain of models."""
        return self._model.economy if isinstance(self._model, FailoverModel) else Economy()

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def healthy(self) -> bool:
        return self._model.healthy

    async def warm_up(self) -> None:
        await self._model.warm_up()

    async def aclose(self) -> None:
        await self._model.aclose()

    async def reply(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        context = _context(request)
        known = await self._find(context, request) if context else None
        if known:
            self._on_decision(Decision("answered", "memory", 0.0, "asked before"))
            for event in _replayed(known):
                yield event
            return
        said: list[ModelEvent] = []
        decisions: list[Decision] = []
        usual = not self.economy.in_force
        async with aclosing(self._listened_to(decisions).reply(request)) as events:
            async for event in events:
                said.append(event)
                if context and isinstance(event, Finished) and usual and not self._stood_in(decisions):
                    self._keep(context, request, said)
                yield event

    def _listened_to(self, decisions: list[Decision]) -> LanguageModel:
        """Who is asked; what is decided there is told on, and noted."""

        def decided(decision: Decision) -> None:
            decisions.append(decision)
            self._on_decision(decision)

        chain = self._model
        return chain.watched(decided, self._counts) if isinstance(chain, FailoverModel) else chain

    def _stood_in(self, decisions: list[Decision]) -> bool:
        """Whether any of it is of who is asked when all models have failed."""
        standby = self._model.standby if isinstance(self._model, FailoverModel) else None
        answered = [one.provider for one in decisions if one.what == "answered"]
        return standby is not None and standby.name in answered

    async def _find(self, context: str, request: ModelRequest) -> Answer | None:
        question = request.messages[-1].text
        found = self._answers.get(context, words_of(question)) or await self._near(
            context, question, request.language
        )
        self._counts.add(partial(self._figures.asked_a_model, known=found is not None))
        return found

    async def _near(self, context: str, question: str, code: str) -> Answer | None:
        alike = [answer for answer in self._answers.of(context) if _alike(answer.question, question, code)]
        if not alike or self._similarity is None:
            return None
        try:
            async with asyncio.timeout(COMPARING_S):
                scores = await self._similarity.similarities(question, [one.question for one in alike])
        except (TimeoutError, ProviderError):
            return None
        best = max(range(len(alike)), key=lambda at: scores[at])
        return alike[best] if scores[best] >= NEAR else None

    def _keep(self, context: str, request: ModelRequest, said: list[ModelEvent]) -> None:
        text = "".join(event.text for event in said if isinstance(event, TextDelta))
        outcome = next((event.outcome for event in said if isinstance(event, OutcomeChosen)), None)
        if any(isinstance(event, ToolCall) for event in said) or not (text or outcome):
            return
        self._answers.keep(context, request.messages[-1].text, text, outcome)


def _unwatched(decision: Decision) -> None:
    """Nobody wants to know."""


def _context(request: ModelRequest) -> str:
    """All that the model is given but the last words; empty where its answer may not be used again."""
    if not request.reuse or request.begun or not request.messages or request.messages[-1].role != "caller":
        return ""
    before = [(one.role, one.text, one.tool_call_id) for one in request.messages[:-1]]
    given = (request.reuse, request.language, request.style, request.instruction, request.facts, before)
    return hashlib.sha256(repr((*given, sorted(request.outcomes))).encode()).hexdigest()


def _alike(one: str, other: str, code: str) -> bool:
    """Whether two questions differ in nothing but words without content. Numbers and negations have some."""
    spoken = language(code)
    ours, theirs = (set(spoken.numbers.numerals(spoken.tokens(text))) for text in (one, other))
    return (ours ^ theirs) <= spoken.function_words


def _replayed(answer: Answer) -> list[ModelEvent]:
    events: list[ModelEvent] = [TextDelta(answer.text)] if answer.text else []
    events += [OutcomeChosen(answer.outcome)] if answer.outcome else []
    return [*events, Finished()]

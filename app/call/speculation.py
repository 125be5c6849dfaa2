"""A model's reply that is begun before the caller's turn is over, on what they seem to have said.

Nothing of it is heard, noted, counted or acted upon until the turn has ended in these very words; other words end it,
unless they are a courtesy or a hesitation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from app.call.tasks import Tasks
from app.errors import ProviderError
from app.flow.phrases import meant
from app.orchestrator.answer_cache import RememberingModel
from app.orchestrator.counting import SURE, Counts
from app.orchestrator.failover import Decision, FailoverModel
from app.orchestrator.ladder import Economy
from providers.base import LanguageModel, ModelEvent, ModelRequest

BEGUN_AT_MOST = 4
UNTAKEN_AT_MOST_S = 10.0
EVENTS_AHEAD = 1000


@dataclass(slots=True, eq=False)
class EarlyReply:
    """What comes of one request; `decisions` are the model chain's. `counts` wait until it is taken.

    One that has `failed` is no use to anybody.
    """

    request: ModelRequest
    decisions: list[Decision] = field(default_factory=list)
    waiting: asyncio.Queue[ModelEvent | ProviderError | None] = field(
        default_factory=lambda: asyncio.Queue(EVENTS_AHEAD)
    )
    counts: Counts = field(default_factory=Counts)
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    failed: bool = False

    async def events(self) -> AsyncGenerator[ModelEvent, None]:
        """As of `LanguageModel.reply`, from the beginning. Raises ProviderError."""
        while (event := await self.waiting.get()) is not None:
            if isinstance(event, ProviderError):
                raise event
            yield event

    def stop_timer(self, *_: object) -> None:
        """It is over."""
        if self.timer:
            self.timer.cancel()

    def serves(self, request: ModelRequest) -> bool:
        """Whether it may answer a request."""
        return not self.failed and _same(self.request, request)

    def cancel(self) -> None:
        """Nobody wants it."""
        if self.task:
            self.task.cancel()


class Speculation:
    """One turn's guesses, one at a time. `begun` counts them; there are none where the `economy` gives them up."""

    def __init__(self, model: LanguageModel, tasks: Tasks, economy: Economy) -> None:
        self._model = model
        self._tasks = tasks
        self._economy = economy
        self._early: EarlyReply | None = None
        self.begun = 0

    def suppose(self, request: ModelRequest) -> None:
        """This will probably be asked."""
        if self._early and self._early.serves(request):
            return
        self._drop()
        if self.begun < BEGUN_AT_MOST and "no_early_replies" not in self._economy.in_force:
            self.begun += 1
            self._early = early = EarlyReply(request)
            early.task = self._tasks.create(_made(self._model, early))
            early.timer = asyncio.get_running_loop().call_later(UNTAKEN_AT_MOST_S, self._too_long, early)
            early.task.add_done_callback(early.stop_timer)

    def take(self, request: ModelRequest) -> EarlyReply | None:
        """What has been begun of the reply to this very request, to be ended by who takes it; all else is forgotten."""
        early, self._early = self._early, None
        if early and not early.serves(request):
            early.cancel()
            return None
        if early:
            early.counts.settled()
        return early

    def forget(self) -> None:
        """The turn is over."""
        self._drop()
        self.begun = 0

    def _too_long(self, early: EarlyReply) -> None:
        """A reply that was not taken, and has not come to its end by now, may be asked for anew."""
        if early is self._early:
            self._drop()

    def _drop(self) -> None:
        if self._early:
            self._early.cancel()
            self._early = None


async def _made(model: LanguageModel, early: EarlyReply) -> None:
    model = watched(model, early.decisions, early.counts)
    try:
        async with aclosing(model.reply(early.request)) as events:
            async for event in events:
                await early.waiting.put(event)
    except ProviderError as error:
        early.failed = True
        # a traceback would hold all that is in its frames
        await early.waiting.put(error.with_traceback(None))
    await early.waiting.put(None)


def watched(model: LanguageModel, decisions: list[Decision], counts: Counts = SURE) -> LanguageModel:
    """The same model; where it decides who answers, that is added, and counted as `counts` says."""
    if isinstance(model, FailoverModel | RememberingModel):
        return model.watched(decisions.append, counts)
    return model


def _same(one: ModelRequest, other: ModelRequest) -> bool:
    """Whether they differ in nothing but how the caller's last words are written, and in how polite they are."""
    return _normalised(one) == _normalised(other)


def _normalised(request: ModelRequest) -> ModelRequest:
    if not request.messages:
        return request
    *before, last = request.messages
    words = " ".join(meant(last.text, request.language))
    return replace(request, messages=[*before, replace(last, text=words)])

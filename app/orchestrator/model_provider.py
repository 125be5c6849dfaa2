"""One language model of a chain, and what has been learned of it."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from app.clock import Clock
from app.orchestrator.hedge import FIRST_TOKEN_MOST_S, FirstTokens
from app.orchestrator.plan import Candidate
from app.orchestrator.provider import Provider
from providers.base import LanguageModel, Message, ModelRequest

PROBE = ModelRequest("Say OK.", [Message("caller", "Hello?")], "en", 5)


class ModelProvider(Provider[LanguageModel]):
    """See above."""

    def __init__(self, model: LanguageModel, clock: Clock) -> None:
        super().__init__("model", model, clock)
        self.first_tokens = FirstTokens()

    def candidate(self) -> Candidate:
        """How long it may take now."""
        now_s = self.clock.now()
        return Candidate(
            self.name, self.first_tokens.hedge_after_s(now_s), self.first_tokens.deadline_s(now_s)
        )

    async def warm_up(self) -> bool:
        warm = await super().warm_up()
        if warm:
            self.first_tokens.used(self.clock.now())
        return warm

    @property
    def _probe_s(self) -> float:
        return FIRST_TOKEN_MOST_S

    async def _ask(self) -> None:
        async with aclosing(self.engine.reply(PROBE)) as events:
            await anext(events, None)

    def report(self) -> dict[str, Any]:
        """With the median time to its first token in milliseconds."""
        p50_s = self.first_tokens.quantile_s(0.5)
        return {**super().report(), "firstTokenP50Ms": None if p50_s is None else round(p50_s * 1000, 1)}

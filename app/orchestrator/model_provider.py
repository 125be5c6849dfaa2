"""One language model, and what has been learned of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from app.clock import Clock
from app.errors import BadCredentials, BrokenStream, ProviderError, TimedOut
from app.orchestrator.breaker import Breaker
from app.orchestrator.hedge import FIRST_TOKEN_MOST_S, FirstTokens
from app.orchestrator.plan import Candidate
from providers.base import LanguageModel, Message, ModelRequest

log = logging.getLogger("callrelay.models")

WARM_UP_S = 5.0
PROBE = ModelRequest("Say OK.", [Message("caller", "Hello?")], "en", 5)
HEALTH = {"closed": "healthy", "half_open": "degraded", "open": "down"}


@dataclass(slots=True)
class ModelProvider:
    """See above. Every failure and success goes through here, so that the log tells what changes."""

    model: LanguageModel
    clock: Clock
    breaker: Breaker = field(default_factory=Breaker)
    first_tokens: FirstTokens = field(default_factory=FirstTokens)

    @property
    def name(self) -> str:
        return self.model.name

    def candidate(self) -> Candidate:
        """How long it may take now."""
        now_s = self.clock.now()
        return Candidate(
            self.name, self.first_tokens.hedge_after_s(now_s), self.first_tokens.deadline_s(now_s)
        )

    def succeeded(self) -> None:
        was = self.breaker.state
        self.breaker.succeeded(self.clock.now())
        if was != self.breaker.state:
            log.info("model %s is back", self.name)

    def failed(self, error: ProviderError) -> None:
        was = self.breaker.state
        self.breaker.failed(self.clock.now(), error)
        if isinstance(error, BadCredentials):
            log.error("model not used until the settings change: %s", error)
        elif was != self.breaker.state and was == "closed":
            log.warning("model not used for a while: %s", error)

    async def warm_up(self) -> None:
        """Connect, so that the first caller need not wait for it. A failure is noted, not raised."""
        if await self._tried(self.model.warm_up(), WARM_UP_S):
            self.first_tokens.used(self.clock.now())

    async def probe(self) -> None:
        """Find out whether it is back. The breaker must be half open."""
        if await self._tried(self._ask(), FIRST_TOKEN_MOST_S):
            self.succeeded()

    async def _ask(self) -> None:
        async with aclosing(self.model.reply(PROBE)) as events:
            await anext(events, None)

    async def _tried(self, attempt: Awaitable[None], within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await attempt
            return True
        except TimeoutError:
            failure: ProviderError = TimedOut(f"{self.name}: no answer when tried")
        except ProviderError as error:
            failure = error
        except Exception as error:  # a provider's own defect must not end the server
            failure = BrokenStream(f"{self.name}: {type(error).__name__}")
        self.failed(failure)
        return False

    def report(self) -> dict[str, Any]:
        """For /health: its state, its breaker's, and the median time to its first token in milliseconds."""
        p50_s = self.first_tokens.quantile_s(0.5)
        return {
            "state": HEALTH[self.breaker.state],
            "breaker": self.breaker.state,
            "firstTokenP50Ms": None if p50_s is None else round(p50_s * 1000, 1),
        }

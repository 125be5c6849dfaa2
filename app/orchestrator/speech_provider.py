"""One speech engine in a chain: its breaker, and who is told of its ups and downs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from app.clock import Clock
from app.errors import BadCredentials, ProviderError
from app.orchestrator.breaker import Breaker

log = logging.getLogger("callrelay.speech")

Role = Literal["transcriber", "synthesizer"]
HEALTH = {"closed": "healthy", "half_open": "degraded", "open": "down"}


@dataclass(frozen=True, slots=True)
class Switch:
    """An engine took over from another, or came back (`why` is then `back`), in one call."""

    role: Role
    left: str
    taken: str
    why: str


OnSwitch = Callable[[Switch], None]


def unwatched(switch: Switch) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class SpeechProvider:
    """What is known of an engine. Every failure and success goes through here, so that the log tells what changes."""

    role: Role
    name: str
    clock: Clock
    breaker: Breaker = field(default_factory=Breaker)

    def succeeded(self) -> None:
        was = self.breaker.state
        self.breaker.succeeded(self.clock.now())
        if was != self.breaker.state:
            log.info("%s %s is back", self.role, self.name)

    def failed(self, error: ProviderError) -> None:
        was = self.breaker.state
        self.breaker.failed(self.clock.now(), error)
        if isinstance(error, BadCredentials):
            log.error("%s not used until the settings change: %s", self.role, error)
        elif was == "closed" and was != self.breaker.state:
            log.warning("%s not used for a while: %s", self.role, error)

    def report(self, healthy: bool) -> dict[str, Any]:
        """Its part of /health."""
        state = HEALTH[self.breaker.state] if healthy else "down"
        return {"state": state, "breaker": self.breaker.state}

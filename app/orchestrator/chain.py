"""Providers of one role that look like one: what chains of models, of ears and of voices have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from app.clock import Clock
from app.orchestrator.breaker import Breaker
from app.orchestrator.provider import Provider, Role
from app.orchestrator.routes import Role as Routed
from app.orchestrator.routes import Routes

PROBE_EVERY_S = 1.0

P = TypeVar("P", bound=Provider[Any])


class Chain(Generic[P]):
    """`providers` by preference, at least one, with names that differ; `routes` may say who else is preferred."""

    def __init__(
        self, routed: Routed, providers: Iterable[P], clock: Clock, routes: Routes | None = None
    ) -> None:
        self.providers = {provider.name: provider for provider in providers}
        self.clock = clock
        self.routes = routes or Routes()
        self._routed = routed

    @property
    def name(self) -> str:
        return "failover"

    @property
    def healthy(self) -> bool:
        return any(one.engine.healthy and one.breaker.allows for one in self.providers.values())

    def routed(self, language: str) -> list[str]:
        """The names of those that serve a language, by preference."""
        return self.routes.ordered(self._routed, language, list(self.providers))

    def serving(self, language: str) -> list[P]:
        """Those that serve a language, by preference."""
        return [self.providers[name] for name in self.routed(language)]

    @property
    def breakers(self) -> dict[str, Breaker]:
        """Of each provider, by name."""
        return {name: provider.breaker for name, provider in self.providers.items()}

    def report(self) -> dict[str, dict[str, Any]]:
        """Each provider's part of /health, by name."""
        return {name: provider.report() for name, provider in self.providers.items()}

    async def warm_up(self) -> None:
        """All at once. What fails is noted, not raised."""
        await self._warm_up(self.providers.values())

    async def _warm_up(self, providers: Iterable[P]) -> None:
        async with asyncio.TaskGroup() as group:
            for provider in providers:
                group.create_task(provider.warm_up())

    async def watch(self) -> None:
        """Find out, for ever, when providers that were down are back."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(PROBE_EVERY_S)
                for provider in self.providers.values():
                    if provider.breaker.probe(self.clock.now()):
                        group.create_task(provider.probe())

    async def aclose(self) -> None:
        for provider in self.providers.values():
            await provider.engine.aclose()


@dataclass(frozen=True, slots=True)
class Switch:
    """An engine took over from another, or came back (`why` is then `back`), in one call."""

    role: Role
    left: str
    taken: str
    why: str


OnSwitch = Callable[[Switch], None]


def _unwatched(switch: Switch) -> None:
    """Nobody wants to know."""


class SpeechChain(Chain[P]):
    """A chain whose last engine is on this machine and stands by for all others."""

    def __init__(
        self, routed: Routed, providers: Iterable[P], clock: Clock, routes: Routes | None = None
    ) -> None:
        super().__init__(routed, providers, clock, routes)
        self._on_switch: OnSwitch = _unwatched

    def watched(self, on_switch: OnSwitch) -> Self:
        """The same engines with the same memory; who takes over in what is asked for here is told."""
        other = copy(self)
        other._on_switch = on_switch
        return other

    async def warm_up(self) -> None:
        """All at once. What fails is noted, not raised, except of the last."""
        *others, last = self.providers.values()
        await self._warm_up(others)
        await last.engine.warm_up()

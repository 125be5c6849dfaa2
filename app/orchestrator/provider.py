"""One provider of a chain, and what is known of it: its breaker, and all that is tried while no call waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Literal, Protocol, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from app.clock import Clock
from app.errors import BadCredentials, BadRequest, BrokenStream, ProviderError, RateLimited, TimedOut
from app.orchestrator.breaker import Breaker

log = logging.getLogger("callrelay.providers")

Role = Literal["model", "transcriber", "synthesizer"]
HEALTH = {"closed": "healthy", "half_open": "degraded", "open": "down"}
WARM_UP_S = 5.0
WARM_UPS = 3
WARM_UPS_APART_S = 1.0


class Engine(Protocol):
    """What every engine can do."""

    @property
    def name(self) -> str: ...

    @property
    def healthy(self) -> bool: ...

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...


E = TypeVar("E", bound=Engine)


@contextmanager
def provider_attempt(name: str) -> Iterator[None]:
    """The boundary of a provider attempt: whatever is raised, a provider's own defect too, is a ProviderError."""
    try:
        yield
        return
    except ProviderError:
        raise
    except Exception as error:
        failure = BrokenStream(f"{name}: {type(error).__name__}")
    try:
        raise failure  # outside of `except`: the defect's words may be the caller's
    finally:
        del failure  # its traceback holds this frame


class Provider(Generic[E]):
    """`engine` in a role. Every failure and success goes through here, so that the log tells what changes."""

    def __init__(self, role: Role, engine: E, clock: Clock) -> None:
        self.role = role
        self.engine = engine
        self.clock = clock
        self.breaker = Breaker()

    def __repr__(self) -> str:
        return f"Provider({self.role}, {self.engine!r}, {self.breaker!r})"

    @property
    def name(self) -> str:
        return self.engine.name

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

    async def warm_up(self) -> bool:
        """Connect, so that the first caller need not wait for it; whether that worked.

        Services that start together are not all there at once, so it is tried again. A failure is noted, not raised.
        """
        again = AsyncRetrying(
            stop=stop_after_attempt(WARM_UPS),
            wait=wait_random_exponential(max=WARM_UPS_APART_S),
            retry=retry_if_exception(_passes),
            reraise=True,
        )
        return await self._tried(again(self.engine.warm_up), WARM_UP_S)

    async def probe(self) -> None:
        """Find out whether it is back. The breaker must be half open."""
        if await self._tried(self._ask(), self._probe_s):
            self.succeeded()

    @property
    def _probe_s(self) -> float:
        """How long a probe may take."""
        raise NotImplementedError

    async def _ask(self) -> None:
        """The smallest piece of its work. Raises ProviderError."""
        raise NotImplementedError

    async def _tried(self, attempt: Awaitable[object], within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                with provider_attempt(self.name):
                    await attempt
            return True
        except TimeoutError:
            self.failed(TimedOut(f"{self.name}: no answer when tried"))
        except ProviderError as error:
            self.failed(error)
        return False

    def report(self) -> dict[str, Any]:
        """Its part of /health."""
        state = HEALTH[self.breaker.state] if self.engine.healthy else "down"
        return {"state": state, "breaker": self.breaker.state}


def _passes(error: BaseException) -> bool:
    """Is it a fault that may be over in a moment?"""
    lasting = BadCredentials | BadRequest | RateLimited
    return isinstance(error, ProviderError) and not isinstance(error, lasting)

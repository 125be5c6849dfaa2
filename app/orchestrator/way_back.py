"""How a recogniser that was left leads a call again: `WayBack`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial

from tenacity import AsyncRetrying, retry_if_exception_type, wait_fixed, wait_random

from app.errors import ProviderError, Refused
from app.orchestrator.ear import PROBATION_S, Ear, EarProvider
from providers.background import BackgroundTasks

RETURN_EVERY_S = 1.0
SPREAD_S = 0.3  # a service that is back is not asked by all calls in the same moment
REOPEN_S = 3.0

Open = Callable[[EarProvider, float], Awaitable[Ear]]


class WayBack:
    """The best of `providers` that is allowed is opened anew, listens along for a while, and may then be taken."""

    def __init__(self, providers: Sequence[EarProvider]) -> None:
        self._providers = providers
        self._tasks = BackgroundTasks()
        self._ear: Ear | None = None
        self._proven = False
        self._try: Callable[[], Coroutine[None, None, None]] | None = None

    def begin(self, open_ear: Open, returned: Callable[[], None]) -> None:
        """One was left: try, until one has listened for a while without failing; then `returned` is told."""
        if self._providers:
            self._try = partial(self._come_back, open_ear, returned)
            self._tasks.create_task(self._try())

    async def _come_back(self, open_ear: Open, returned: Callable[[], None]) -> None:
        again = AsyncRetrying(
            wait=wait_fixed(RETURN_EVERY_S) + wait_random(0, SPREAD_S),
            retry=retry_if_exception_type(ProviderError),
        )
        await asyncio.sleep(RETURN_EVERY_S)
        await again(self._listen_along, open_ear)
        returned()

    async def _listen_along(self, open_ear: Open) -> None:
        """Raises ProviderError."""
        provider = next((one for one in self._providers if one.breaker.allows), None)
        if not provider:
            raise Refused("no recogniser may be tried now; see /health")
        try:
            self._ear = await open_ear(provider, REOPEN_S)
            await asyncio.sleep(PROBATION_S)
            await self._judge(self._ear)
        except ProviderError as error:
            provider.failed(error)
            raise
        self._proven = True

    async def _judge(self, ear: Ear) -> None:
        """Raises what it failed with."""
        if failure := ear.stream.failure:
            self._ear = None
            await ear.aclose()
            raise failure

    def push(self, audio: bytes) -> None:
        """What the caller sounds like."""
        if self._ear:
            self._ear.stream.push(audio)

    def take(self) -> Ear | None:
        """Who has come back, if somebody has. One that has failed while it waited is let go, and all begins again."""
        if not self._ear or not self._proven or not self._try:
            return None
        ear, self._ear, self._proven = self._ear, None, False
        if not ear.stream.failure:
            self._try = None
            return ear
        ear.provider.failed(ear.stream.failure)
        self._tasks.create_task(ear.aclose())
        self._tasks.create_task(self._try())
        return None

    async def aclose(self) -> None:
        """Stop trying, and let go of who was on the way."""
        self._try = None
        await self._tasks.aclose()
        if self._ear:
            await self._ear.stream.aclose()

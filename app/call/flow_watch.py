"""Flows are edited while calls go on: what is saved is published within two seconds, and made ready right after."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable

from app.call.flow_store import FlowStore
from app.call.services import Speech
from app.errors import ProviderError
from app.orchestrator.prerender import render_fixed_words
from app.orchestrator.speech_cache import SpeechCache

log = logging.getLogger("callrelay.flows")

LOOK_EVERY_S = 1.0

# does what takes long beside the event loop
Aside = Callable[[Callable[[], bool]], Awaitable[bool]]


class FlowWatch:
    """`cache` is where fixed words are kept as speech, None where they are not."""

    def __init__(self, flows: FlowStore, speech: Speech, cache: SpeechCache | None, aside: Aside) -> None:
        self._flows = flows
        self._speech = speech
        self._cache = cache
        self._aside = aside

    async def render(self) -> None:
        """Make the fixed words of every flow into speech that is not there yet."""
        if self._cache:
            await render_fixed_words(self._flows.all(), self._speech.synthesizer, self._cache)

    async def run(self) -> None:
        """Look for edits, for ever. Only what is new is made ready; a newer version does not wait for an older one."""
        async with asyncio.TaskGroup() as group:
            preparing = group.create_task(self._learn())
            while True:
                if await self._aside(self._refreshed):
                    preparing.cancel()
                    preparing = group.create_task(self._prepare())
                await asyncio.sleep(LOOK_EVERY_S)

    def _refreshed(self) -> bool:
        """Where everything is caught: whatever is in a file that somebody saves, calls go on."""
        try:
            return self._flows.refresh()
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("what was saved is not published, by a defect: %s\n%s", type(error).__name__, where)
            return False

    async def _prepare(self) -> None:
        await self.render()
        await self._learn()

    async def _learn(self) -> None:
        """Tell the model of meaning what callers' words are compared with, of the flows and those that they call."""
        if not self._speech.similarity:
            return
        flows = [one for flow in self._flows.all() for one in (flow, *flow.subflows.values())]
        samples = [text for one in flows for code in one.languages for _, text in one.samples(code)]
        try:
            await self._speech.similarity.prepare(samples)
        except ProviderError as error:
            log.warning("not all phrases are known by their meaning: %s", error)

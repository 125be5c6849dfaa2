"""Flows are edited while calls go on: what is saved is published within two seconds, and made ready right after."""

from __future__ import annotations

import asyncio
import logging
import traceback

from app.call.aside import Aside
from app.call.flow_store import FlowStore
from app.call.learned import LearnedChances
from app.call.services import Speech
from app.errors import ProviderError
from app.orchestrator.preparing import Preparer
from app.orchestrator.prerender import render_fixed_words

log = logging.getLogger("callrelay.flows")

LOOK_EVERY_S = 1.0
# fixed words are forgotten two hours after they were last wanted
RENEW_EVERY_S = 3600.0
# what a defect of ours raises when it meets a file that nobody thought of
DEFECTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
# what could not be spoken is tried again, each time after twice as long, until the next renewal does
AGAIN_AFTER_S = 5.0


class FlowWatch:
    """`preparer` makes fixed words into speech, None where that is not wanted; `learned` is which ways calls go."""

    def __init__(
        self,
        flows: FlowStore,
        speech: Speech,
        preparer: Preparer | None,
        aside: Aside,
        learned: LearnedChances | None = None,
    ) -> None:
        self._flows = flows
        self._speech = speech
        self._preparer = preparer
        self._aside = aside
        self._learned = learned

    async def begin(self) -> None:
        """Before the first call: recall which ways calls go, and make ready what most callers hear."""
        await self._aside(self._recall)
        if self._preparer:
            await render_fixed_words(self._flows.all(), self._preparer, soon=True)

    async def _render(self) -> bool:
        """Whether all fixed words are ready that are to be."""
        await self._aside(self._recall)
        return not self._preparer or await render_fixed_words(self._flows.all(), self._preparer)

    async def run(self) -> None:
        """Look for edits, for ever. Only what is new is made ready; a newer version does not wait for an older one."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew())
            preparing = group.create_task(self._prepare())
            while True:
                if await self._aside(self._refreshed):
                    preparing.cancel()
                    preparing = group.create_task(self._prepare())
                await asyncio.sleep(LOOK_EVERY_S)

    def _refreshed(self) -> bool:
        """Whatever is in a file that somebody saves, calls go on."""
        try:
            return self._flows.refresh()
        except DEFECTS as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("what was saved is not published, by a defect: %s\n%s", type(error).__name__, where)
            return False

    def _recall(self) -> bool:
        for flow in self._flows.all():
            if self._learned:
                self._learned.load(flow)
        return True

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await self._render()

    async def _prepare(self) -> None:
        all_ready, again_s = await self._render(), AGAIN_AFTER_S
        await self._learn()
        while not all_ready and again_s < RENEW_EVERY_S:
            await asyncio.sleep(again_s)
            all_ready, again_s = await self._render(), 2 * again_s

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

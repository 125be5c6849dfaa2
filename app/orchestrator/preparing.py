"""Making speech before it is asked for: the likeliest words first, a few at a time, and never before a waiting caller.

Nobody waits for anything here. What a call wished for and is no longer likely is forgotten, what is being made is
finished. The shared level is asked and told here only, so it can be slow, hung or gone without anybody hearing it, and
of fixed words only: those that vary hold what callers said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import ProviderError
from app.orchestrator.cache_figures import Kind
from app.orchestrator.making import prepare
from app.orchestrator.speech_cache import SpeechCache, key_of
from providers.base import Synthesizer, Voice

log = logging.getLogger("callrelay.speech")

AT_ONCE = 2
WISHES_MAX = 64
# how long a piece waits for callers who wait, at most: what is prepared now is what they will not wait for
GIVE_WAY_S = 0.5


class SharedSpeech(Protocol):
    """Fixed words as speech that other processes made, too. Never raises, and answers soon. `state` is in words."""

    @property
    def state(self) -> str: ...

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, audio: bytes, ttl_s: float) -> None: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """Words that may be said soon, and how likely (0..1)."""

    text: str = field(repr=False)
    voice: Voice
    kind: Kind
    chance: float


class Preparer:
    """One for all calls. `run` it for as long as the process takes calls."""

    def __init__(
        self, cache: SpeechCache, synthesizer: Synthesizer, shared: SharedSpeech | None = None
    ) -> None:
        self.cache = cache
        self.synthesizer = synthesizer
        self._shared = shared
        self._wishes: dict[str, list[Wish]] = {}
        self._wanted = asyncio.Event()

    def wish(self, call_sid: str, wishes: Sequence[Wish]) -> None:
        """What a call may need soon, instead of what it was to need before."""
        self.forget(call_sid)
        chosen = sorted(wishes, key=lambda wish: -wish.chance)[:WISHES_MAX]
        for one in chosen:
            self.cache.note(one.text, one.voice, "not ready in time")
        if chosen:
            self._wishes[call_sid] = chosen
            self._wanted.set()

    def forget(self, call_sid: str) -> None:
        """The call is over."""
        self._wishes.pop(call_sid, None)

    async def run(self) -> None:
        """Prepare, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._serve())

    @property
    def shared_state(self) -> str:
        """How the shared level is, in words."""
        return self._shared.state if self._shared else "none; set REDIS_URL"

    async def aclose(self) -> None:
        """Let go of the shared level."""
        if self._shared:
            await self._shared.aclose()

    async def fetch(self, text: str, voice: Voice, kind: Kind) -> None:
        """Have a text ready: from the shared level, or by making it. Raises ProviderError."""
        cache, key = self.cache, key_of(text, voice)
        if (text, voice) in cache:
            return
        shared = self._shared if kind == "static" else None
        audio = await shared.get(key) if shared else None
        if audio is not None:
            cache.put(text, voice, audio, kind=kind, ahead=True)
            return
        await self._give_way()
        await prepare(cache, self.synthesizer, text, voice, kind)
        if shared and (entry := cache.peek(text, voice)):
            await shared.put(key, *entry)

    async def _serve(self) -> None:
        while True:
            wish = await self._next()
            try:
                await self.fetch(wish.text, wish.voice, wish.kind)
            except ProviderError as error:
                log.info("words could not be prepared: %s", error)

    async def _next(self) -> Wish:
        while not self._wishes:
            self._wanted.clear()
            await self._wanted.wait()
        call_sid = max(self._wishes, key=lambda sid: self._wishes[sid][0].chance)
        wish, *others = self._wishes[call_sid]
        if others:
            self._wishes[call_sid] = others
        else:
            del self._wishes[call_sid]
        return wish

    async def _give_way(self) -> None:
        until = self.cache.clock.now() + GIVE_WAY_S
        while self.cache.clock.now() < until:
            waited_for = next((one for one in self.cache.makings.values() if not one.ahead), None)
            if waited_for is None:
                return
            try:
                async with asyncio.timeout(until - self.cache.clock.now()):
                    await waited_for.ended.wait()
            except TimeoutError:
                return

"""Several recognisers that hear as one: `FailoverTranscriber`.

The first of the chain that is well listens to a call; the last, which is on this machine and costs nothing while it
does not decode, stands by. See `listening` for when it joins in and whose words count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from app.clock import Clock
from app.errors import ProviderError, Refused
from app.orchestrator.breaker import Breaker
from app.orchestrator.failover_stream import PRE_ROLL_BYTES, PROBATION_S, Engine, FailoverStream
from app.orchestrator.routes import Routes
from app.orchestrator.speech_provider import OnSwitch, unwatched
from providers.base import Hypothesis, Transcriber, TranscriptionStream

PROBE_EVERY_S = 1.0


class FailoverTranscriber(Transcriber):
    """See `Transcriber`. `transcribers` by preference, at least one; the last stands by for all others.

    `routes` may say for a language who else is preferred.
    """

    def __init__(
        self, transcribers: Sequence[Transcriber], clock: Clock, routes: Routes | None = None
    ) -> None:
        self._engines = [Engine(transcriber, clock) for transcriber in transcribers]
        self._clock = clock
        self._routes = routes or Routes()
        self._on_switch: OnSwitch = unwatched

    def watched(self, on_switch: OnSwitch) -> FailoverTranscriber:
        """The same recognisers with the same memory; who takes over in what is heard here is told."""
        other = copy(self)
        other._on_switch = on_switch
        return other

    @property
    def name(self) -> str:
        return "failover"

    @property
    def engines(self) -> tuple[Transcriber, ...]:
        """By preference."""
        return tuple(engine.transcriber for engine in self._engines)

    @property
    def languages(self) -> frozenset[str]:
        return frozenset().union(*(engine.transcriber.languages for engine in self._engines))

    @property
    def healthy(self) -> bool:
        return any(e.transcriber.healthy and e.provider.breaker.allows for e in self._engines)

    @property
    def breakers(self) -> dict[str, Breaker]:
        """Of each engine, by name."""
        return {engine.name: engine.provider.breaker for engine in self._engines}

    def report(self) -> dict[str, dict[str, Any]]:
        """Each engine's part of /health, by name."""
        return {engine.name: engine.provider.report(engine.transcriber.healthy) for engine in self._engines}

    @property
    def partials(self) -> bool:
        return True

    async def open(
        self,
        language: str,
        *,
        on_partial: Callable[[Hypothesis], None],
        hints: Sequence[str] = (),
        candidates: Sequence[str] = (),
    ) -> FailoverStream:
        """Raises Refused when nobody knows the language, and what the last one fails with."""
        knowing = [e for e in self._routed(language) if language.partition("-")[0] in e.transcriber.languages]
        if not knowing:
            known = ", ".join(sorted(self.languages))
            raise Refused(f"no recogniser knows the language {language!r}; they know {known}")

        async def listen(engine: Engine, ears: Callable[[Hypothesis], None]) -> TranscriptionStream:
            return await engine.transcriber.open(
                language, on_partial=ears, hints=hints, candidates=candidates
            )

        stream = FailoverStream(knowing, listen, language, on_partial, self._on_switch)
        try:
            await stream.begin()
        except BaseException:
            await stream.aclose()
            raise
        return stream

    def _routed(self, language: str) -> list[Engine]:
        engines = {engine.name: engine for engine in self._engines}
        return [engines[name] for name in self._routes.ordered("transcribers", language, list(engines))]

    async def warm_up(self) -> None:
        """All of them; what fails is noted, not raised, except of the last."""
        for engine in self._engines[:-1]:
            try:
                await engine.transcriber.warm_up()
            except ProviderError as error:
                engine.provider.failed(error)
        await self._engines[-1].transcriber.warm_up()

    async def watch(self) -> None:
        """Find out, for ever, when recognisers that were down are back."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            for engine in self._engines:
                if engine.provider.breaker.probe(self._clock.now()):
                    await self._probe(engine)

    async def _probe(self, engine: Engine) -> None:
        language = min(engine.transcriber.languages)
        try:
            stream = await engine.transcriber.open(language, on_partial=lambda _: None)
            stream.push(b"\xff" * PRE_ROLL_BYTES)
            await asyncio.sleep(PROBATION_S)
            await stream.aclose()
            if stream.failure:
                raise stream.failure
        except ProviderError as error:
            engine.provider.failed(error)
        else:
            engine.provider.succeeded()

    async def aclose(self) -> None:
        for engine in self._engines:
            await engine.transcriber.aclose()

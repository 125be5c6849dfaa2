"""Several recognisers that hear as one: `FailoverTranscriber`.

The first of the chain that is well listens to a call; the last, which is on this machine and costs nothing while it
does not decode, stands by. See `listening` for when it joins in and whose words count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from app.clock import Clock
from app.errors import Refused
from app.orchestrator.chain import SpeechChain
from app.orchestrator.ear import EarProvider
from app.orchestrator.failover_stream import FailoverStream
from app.orchestrator.routes import Routes
from providers.base import Hypothesis, Transcriber, TranscriptionStream


class FailoverTranscriber(SpeechChain[EarProvider], Transcriber):
    """See `Transcriber`. `transcribers` by preference, at least one; the last stands by for all others.

    `routes` may say for a language who else is preferred.
    """

    def __init__(
        self, transcribers: Sequence[Transcriber], clock: Clock, routes: Routes | None = None
    ) -> None:
        providers = [EarProvider(transcriber, clock) for transcriber in transcribers]
        super().__init__("transcribers", providers, clock, routes)

    @property
    def engines(self) -> tuple[Transcriber, ...]:
        """By preference."""
        return tuple(provider.engine for provider in self.providers.values())

    @property
    def languages(self) -> frozenset[str]:
        return frozenset().union(*(engine.languages for engine in self.engines))

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
        knowing = [e for e in self.serving(language) if language.partition("-")[0] in e.engine.languages]
        if not knowing:
            known = ", ".join(sorted(self.languages))
            raise Refused(f"no recogniser knows the language {language!r}; they know {known}")

        async def listen(provider: EarProvider, ears: Callable[[Hypothesis], None]) -> TranscriptionStream:
            return await provider.engine.open(language, on_partial=ears, hints=hints, candidates=candidates)

        stream = FailoverStream(knowing, listen, language, on_partial, self._on_switch)
        async with AsyncExitStack() as unless_begun:
            unless_begun.push_async_callback(stream.aclose)
            await stream.begin()
            unless_begun.pop_all()
        return stream

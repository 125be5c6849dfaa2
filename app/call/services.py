"""What every stream of this process shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.call.registry import CallRegistry
from app.call.timeline import Timeline
from app.clock import Clock
from providers.base import EndOfTurnDetector, Synthesizer, Transcriber, VoiceDetector


class Closable(Protocol):
    """Holds threads, connections or memory."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Speech:
    """The engines that hear and speak, and what they share: closed after them."""

    detector: VoiceDetector
    transcriber: Transcriber
    synthesizer: Synthesizer
    end_of_turn: EndOfTurnDetector | None = None
    shared: Sequence[Closable] = ()

    async def warm_up(self) -> None:
        """Make the first call as quick as the second."""
        for engine in (self.detector, self.transcriber, self.synthesizer):
            await engine.warm_up()

    async def aclose(self) -> None:
        """Let go of threads and memory."""
        parts: list[Closable] = [self.detector, self.transcriber, self.synthesizer, *self.shared]
        for part in parts:
            await part.aclose()


@dataclass(frozen=True, slots=True)
class Services:
    """Built once, by the composition root."""

    clock: Clock
    registry: CallRegistry
    speech: Speech
    turn_answered: Callable[[Timeline], None]

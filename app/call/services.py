"""What every stream of this process shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.call.registry import CallRegistry
from app.call.timeline import Timeline
from app.clock import Clock
from providers.base import Synthesizer, Transcriber, VoiceDetector


@dataclass(frozen=True, slots=True)
class Speech:
    """The engines that hear and speak."""

    detector: VoiceDetector
    transcriber: Transcriber
    synthesizer: Synthesizer

    async def warm_up(self) -> None:
        """Make the first call as quick as the second."""
        for engine in (self.detector, self.transcriber, self.synthesizer):
            await engine.warm_up()

    async def aclose(self) -> None:
        """Let go of threads and memory."""
        for engine in (self.detector, self.transcriber, self.synthesizer):
            await engine.aclose()


@dataclass(frozen=True, slots=True)
class Services:
    """Built once, by the composition root."""

    clock: Clock
    registry: CallRegistry
    speech: Speech
    turn_answered: Callable[[Timeline], None]

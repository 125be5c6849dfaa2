"""What every stream of this process shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from app.call.foresight import Foresight
from app.call.http_client import HttpServices
from app.call.message import MessageStore
from app.call.recording import Recordings
from app.call.registry import CallRegistry
from app.call.timeline import Timeline
from app.clock import Clock
from app.flow import Flow
from app.orchestrator.breaker import Breaker
from app.orchestrator.chain import OnSwitch
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.ladder import Economy
from app.orchestrator.provider import Engine
from app.orchestrator.speech_cache import SpeechCache
from providers.base import (
    EndOfTurnDetector,
    LanguageModel,
    SimilarityModel,
    Synthesizer,
    Transcriber,
    VoiceDetector,
)


class Closable(Protocol):
    """Holds threads, connections or memory."""

    async def aclose(self) -> None: ...


class Workers(Protocol):
    """Threads on which speech is worked out."""

    def report(self) -> dict[str, float | None]:
        """How much waits and runs, how long that takes, what was late, and how often a thread was replaced."""
        ...


@dataclass(frozen=True, slots=True)
class Speech:
    """The engines that hear and speak, and what they share: closed after them. `workers` are those with threads."""

    detector: VoiceDetector
    transcriber: Transcriber
    synthesizer: Synthesizer
    end_of_turn: EndOfTurnDetector | None = None
    similarity: SimilarityModel | None = None
    shared: Sequence[Closable] = ()
    workers: Sequence[Workers] = ()

    @property
    def engines(self) -> dict[str, Engine]:
        """By role."""
        engines: dict[str, Engine] = {
            "voice": self.detector,
            "transcriber": self.transcriber,
            "synthesizer": self.synthesizer,
        }
        if self.end_of_turn:
            engines["end_of_turn"] = self.end_of_turn
        if self.similarity:
            engines["similarity"] = self.similarity
        return engines

    def watched(self, on_switch: OnSwitch) -> Speech:
        """The same engines; who takes over from whom is told."""
        transcriber, synthesizer = self.transcriber, self.synthesizer
        if isinstance(transcriber, FailoverTranscriber):
            transcriber = transcriber.watched(on_switch)
        if isinstance(synthesizer, FailoverSynthesizer):
            synthesizer = synthesizer.watched(on_switch)
        return replace(self, transcriber=transcriber, synthesizer=synthesizer)

    def report(self) -> dict[str, dict[str, Any]]:
        """Each engine's part of /health, by name and role."""
        found: dict[str, dict[str, Any]] = {}
        for role, engine in self.engines.items():
            if isinstance(engine, FailoverTranscriber | FailoverSynthesizer):
                found |= {f"{name}/{role}": report for name, report in engine.report().items()}
            else:
                state = "healthy" if engine.healthy else "down"
                found[f"{engine.name}/{role}"] = {"state": state, "breaker": None}
        return found

    def inference(self) -> dict[str, float | None] | None:
        """What the threads have to tell; None where there are none."""
        return {name: value for one in self.workers for name, value in one.report().items()} or None

    @property
    def breakers(self) -> dict[str, Breaker]:
        """Of each engine that is one of several, by name and role."""
        return {
            f"{name}/{role}": breaker
            for role, engine in self.engines.items()
            if isinstance(engine, FailoverTranscriber | FailoverSynthesizer)
            for name, breaker in engine.breakers.items()
        }

    async def watch(self) -> None:
        """Find out, for ever, when engines that were down are back."""
        async with asyncio.TaskGroup() as group:
            for engine in (self.transcriber, self.synthesizer):
                if isinstance(engine, FailoverTranscriber | FailoverSynthesizer):
                    group.create_task(engine.watch())

    async def warm_up(self) -> None:
        """Make the first call as quick as the second."""
        for engine in self.engines.values():
            await engine.warm_up()

    async def aclose(self) -> None:
        """Let go of threads and memory."""
        for part in (*self.engines.values(), *self.shared):
            await part.aclose()


@dataclass(frozen=True, slots=True)
class Services:
    """Built once, by the composition root.

    `languages` are looked out for; in those of `unsupported` a caller is told that a flow does not have them, and goes
    on in `fallback`. A turn whose answer cannot be heard after `acknowledge_after_ms` is acknowledged. `economy` is
    what is given up now to be quicker.
    """

    clock: Clock
    registry: CallRegistry
    speech: Speech
    speech_cache: SpeechCache
    messages: MessageStore
    turn_answered: Callable[[Timeline], None]
    http: HttpServices
    model: LanguageModel
    languages: Sequence[str] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    fallback: str = "en"
    foresight: Foresight | None = None
    recordings: Recordings | None = None
    acknowledge_after_ms: float = 300.0
    economy: Economy = field(default_factory=Economy)

    def languages_of(self, flow: Flow) -> Sequence[str]:
        """The languages that a call of the flow may change to: those that are both spoken and looked out for."""
        return [language for language in flow.languages if language in self.languages]

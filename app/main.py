"""The composition root: the only place that builds concrete parts and puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from app.call.admission import Admission
from app.call.flow_store import FlowStore
from app.call.http_client import HttpClient, HttpServices
from app.call.message import MessageStore
from app.call.registry import CallRegistry
from app.call.services import Services, Speech
from app.clock import Clock
from app.ops.health import Health
from app.ops.meters import Meters
from app.orchestrator.prerender import render_fixed_words
from app.orchestrator.speech_cache import SpeechCache
from app.settings import Settings
from app.web.access import Access
from app.web.health import health_routes
from app.web.streams import Streams
from app.web.tokens import StreamTokens
from app.web.voice import VoiceWebhooks
from providers.base import LanguageModel
from providers.local_answers import EmbeddedAnswers
from providers.local_end_of_turn import EmbeddedEndOfTurnDetector
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_voice_detector import SileroVoiceDetector
from providers.local_workers import InferenceWorkers
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber


def open_speech(chain: Sequence[str]) -> Speech:
    """The first engines of the chain that can be had. Raises AssetError when their weights are not installed."""
    detector = SileroVoiceDetector()
    if chain[0] == "scripted":
        return Speech(
            detector, ScriptedTranscriber(lambda number: f"utterance {number}"), ScriptedSynthesizer()
        )
    workers = InferenceWorkers()
    return Speech(
        detector,
        EmbeddedTranscriber(workers),
        EmbeddedSynthesizer(workers),
        EmbeddedEndOfTurnDetector(workers),
        shared=[workers],
    )


class Relay:
    """One process of callrelay: its parts, and the Starlette application in front of them."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        speech: Speech,
        environment: Mapping[str, str],
        http: HttpServices | None = None,
        model: LanguageModel | None = None,
    ) -> None:
        """`http` is how flows reach services, None for real sockets; `model` replies, None for the embedded one."""
        self.admission = Admission()
        self.registry = CallRegistry()
        self._speech = speech
        self._prerender = settings.performance_cache_enabled
        self._meters = Meters(clock)
        self._model = model or EmbeddedAnswers()
        self._http = http or HttpClient(clock, settings.http_allow or ())
        self.speech_cache = SpeechCache()
        self._flows = flows = FlowStore(settings.flows_dir, environment)
        flows.require(settings.default_flow)
        self._tokens = tokens = StreamTokens(settings.data_dir, clock)
        access = Access(settings.public_url, settings.auth_tokens, settings.require_ws_signature)
        services = Services(
            clock,
            self.registry,
            flows,
            speech,
            self.speech_cache,
            MessageStore(settings.data_dir),
            self._meters.turn,
            self._http,
            self._model,
        )
        webhooks = VoiceWebhooks(settings, clock, access, tokens, flows, self.registry, self.admission)
        streams = Streams(access, tokens, self.registry, services)
        health = Health(
            clock, self.admission, self.registry, flows, self._meters, speech, self.speech_cache, clock.now()
        )
        self.app = Starlette(
            routes=[*webhooks.routes, *streams.routes, *health_routes(health)], lifespan=self._lifespan
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._meters.watch_loop())
            await self._speech.warm_up()
            if self._prerender:
                await render_fixed_words(self._flows.all(), self._speech.synthesizer, self.speech_cache)
            self.admission.ready = True
            try:
                yield
            finally:
                self.registry.end_all("server stopped")
                watch.cancel()
                await self._speech.aclose()
                await self._http.aclose()
                await self._model.aclose()
                self._tokens.close()

"""The composition root: the only place that builds concrete parts and puts them together."""

from __future__ import annotations

import asyncio
import logging
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
from app.errors import AssetError, ProviderError
from app.flow import Flow
from app.ops.health import Health
from app.ops.meters import Meters
from app.orchestrator.failover import FailoverModel
from app.orchestrator.prerender import render_fixed_words
from app.orchestrator.speech_cache import SpeechCache
from app.settings import Settings
from app.web.access import Access
from app.web.health import health_routes
from app.web.streams import Streams
from app.web.tokens import StreamTokens
from app.web.voice import VoiceWebhooks
from providers.base import LanguageModel, SimilarityModel
from providers.local_end_of_turn import EmbeddedEndOfTurnDetector
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_similarity import EmbeddedSimilarity
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_voice_detector import SileroVoiceDetector
from providers.local_workers import InferenceWorkers
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber
from providers.scripted_model import ScriptedModel

log = logging.getLogger("callrelay")


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
        _open_similarity(workers),
        shared=[workers],
    )


def _open_similarity(workers: InferenceWorkers) -> SimilarityModel | None:
    """Words of the callers' own are a nicety: without the model flows still know their phrases."""
    try:
        return EmbeddedSimilarity(workers)
    except AssetError as error:
        log.warning("callers are understood by the flows' own phrases only: %s", error)
        return None


async def _prepare(similarity: SimilarityModel, samples: Sequence[str]) -> None:
    try:
        await similarity.prepare(samples)
    except ProviderError as error:
        log.warning("not all phrases are known by their meaning: %s", error)


# A fast small model each, and the bigger one that is asked for in the second place of the chain.
OPENAI_MODELS = ("gpt-5.4-mini", "gpt-5.4")
ANTHROPIC_MODELS = ("claude-haiku-4-5", "claude-sonnet-4-6")


def open_models(settings: Settings, clock: Clock) -> FailoverModel | None:
    """The chain's language models that have a key; None where none has."""
    keys = {
        "azure": settings.azure_openai_api_key and settings.azure_openai_endpoint,
        "openai": settings.openai_api_key,
        "anthropic": settings.anthropic_api_key,
        "scripted": "none needed",
    }
    chain = [name for name in dict.fromkeys(settings.model_chain) if keys[name]]
    models = [_open_model(name, settings, place == 1) for place, name in enumerate(chain)]
    asked = models if settings.performance_failover_enabled else models[:1]
    return FailoverModel(asked, clock) if asked else None


def _open_model(name: str, settings: Settings, bigger: bool) -> LanguageModel:
    """The SDKs are loaded here: seconds, and megabytes, that a server without models need not spend."""
    if name == "scripted":
        return ScriptedModel()
    if name == "anthropic":
        from providers.anthropic_model import anthropic_model

        model = settings.anthropic_model or ANTHROPIC_MODELS[bigger]
        return anthropic_model(settings.anthropic_api_key or "", model, settings.anthropic_base_url)
    from providers.openai_model import azure_openai_model, openai_model

    if name == "openai":
        model = settings.openai_model or OPENAI_MODELS[bigger]
        return openai_model(settings.openai_api_key or "", model, settings.openai_base_url)
    return azure_openai_model(
        settings.azure_openai_endpoint or "",
        settings.azure_openai_api_key or "",
        settings.azure_openai_deployment or OPENAI_MODELS[bigger],
        settings.azure_openai_api_version,
    )


def _samples(flow: Flow) -> list[str]:
    """What callers' words are compared with, of a flow and those that it calls."""
    flows = (flow, *flow.subflows.values())
    return [text for one in flows for code in one.languages for _, text in one.samples(code)]


class Relay:
    """One process of callrelay: its parts, and the Starlette application in front of them."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        speech: Speech,
        environment: Mapping[str, str],
        http: HttpServices | None = None,
        model: FailoverModel | None = None,
    ) -> None:
        """`http` is how flows reach services, None for real sockets; `model` None where there is none."""
        self.admission = Admission()
        self.registry = CallRegistry()
        self._speech = speech
        self._model = model
        self._prerender = settings.performance_cache_enabled
        self._meters = Meters(clock)
        self._http = http or HttpClient(clock, settings.http_allow or ())
        self.speech_cache = SpeechCache(settings.cache_max_entries)
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
            model,
        )
        webhooks = VoiceWebhooks(settings, clock, access, tokens, flows, self.registry, self.admission)
        streams = Streams(access, tokens, self.registry, services)
        health = Health(
            clock,
            self.admission,
            self.registry,
            flows,
            self._meters,
            speech,
            self.speech_cache,
            clock.now(),
            model,
        )
        self.app = Starlette(
            routes=[*webhooks.routes, *streams.routes, *health_routes(health)], lifespan=self._lifespan
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            watches = [group.create_task(self._meters.watch_loop())]
            await self._speech.warm_up()
            if self._model:
                await self._model.warm_up()
                watches.append(group.create_task(self._model.watch()))
            if self._prerender:
                await render_fixed_words(self._flows.all(), self._speech.synthesizer, self.speech_cache)
            if self._speech.similarity:
                samples = [text for flow in self._flows.all() for text in _samples(flow)]
                watches.append(group.create_task(_prepare(self._speech.similarity, samples)))
            self.admission.ready = True
            try:
                yield
            finally:
                self.registry.end_all("server stopped")
                for watch in watches:
                    watch.cancel()
                await self._speech.aclose()
                if self._model:
                    await self._model.aclose()
                await self._http.aclose()
                self._tokens.close()

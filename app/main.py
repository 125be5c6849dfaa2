"""The composition root: the only place that builds concrete parts and puts them together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from app.call.admission import Admission
from app.call.aside import Aside
from app.call.call_store import CallStore
from app.call.flow_store import FlowStore
from app.call.flow_watch import FlowWatch
from app.call.foresight import Foresight
from app.call.http_client import HttpClient, HttpServices
from app.call.learned import LearnedChances
from app.call.message import MessageStore
from app.call.recording import Recordings
from app.call.registry import CallRegistry
from app.call.services import Closable, Services, Speech
from app.clock import Clock
from app.errors import AssetError, SettingsError
from app.ops.board import Board
from app.ops.call_book import CallBook
from app.ops.health import Health
from app.ops.meters import Meters
from app.ops.metrics import CallMetrics
from app.ops.operations import Operations
from app.ops.quality import QualityBook
from app.orchestrator.answer_cache import Answers, RememberingModel
from app.orchestrator.failover import FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.ladder import Economy, Ladder
from app.orchestrator.preparing import Preparer, SharedSpeech
from app.orchestrator.routes import Routes, read_routes
from app.orchestrator.speech_cache import SpeechCache
from app.orchestrator.threshold import AdaptiveThreshold
from app.settings import Settings
from app.web.access import Access
from app.web.health import health_routes
from app.web.operators import Operators
from app.web.streams import Streams
from app.web.tokens import StreamTokens
from app.web.voice import VoiceWebhooks
from providers.base import LanguageModel, SimilarityModel, Synthesizer, Transcriber
from providers.local_answers import EmbeddedAnswers
from providers.local_end_of_turn import EmbeddedEndOfTurnDetector
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_similarity import EmbeddedSimilarity
from providers.local_still import StillVoiceDetector, StillWorkers
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_voice_detector import SileroVoiceDetector
from providers.local_workers import InferenceWorkers
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber
from providers.scripted_model import ScriptedModel

log = logging.getLogger("callrelay")


ROUTES = Path(__file__).parent / "routes.yaml"


def open_routes(settings: Settings) -> Routes:
    """Who serves each language. Raises InvalidFlow when the file cannot be used."""
    routes = read_routes(ROUTES.read_text("utf-8"), f"app/{ROUTES.name}")
    return routes if settings.performance_language_optimization else routes.one_for_all


def open_speech(settings: Settings, clock: Clock) -> Speech:
    """The chain's engines that have a key, and behind them those on this machine, which are always there.

    Raises AssetError when their weights are not installed.
    """
    detector = SileroVoiceDetector()
    if settings.speech_chain[0] == "scripted":
        return Speech(
            detector, ScriptedTranscriber(lambda number: f"utterance {number}"), ScriptedSynthesizer()
        )
    workers, routes = InferenceWorkers(), open_routes(settings)
    transcribers, synthesizers, services = _open_speech_services(settings, routes)
    transcriber: Transcriber = EmbeddedTranscriber(workers)
    synthesizer: Synthesizer = EmbeddedSynthesizer(workers)
    if transcribers:
        transcriber = FailoverTranscriber([*transcribers, transcriber], clock, routes)
        synthesizer = FailoverSynthesizer([*synthesizers, synthesizer], clock, routes)
    end_of_turn = EmbeddedEndOfTurnDetector(workers)
    similarity = _open_similarity(workers)
    shared = [workers, *services]
    return Speech(detector, transcriber, synthesizer, end_of_turn, similarity, shared, workers)


def open_still_speech() -> Speech:
    """The engines on this machine, worked out where they are asked: for virtual time, not for a server.

    Raises AssetError when their weights are not installed.
    """
    workers = StillWorkers()
    return Speech(
        StillVoiceDetector(),
        EmbeddedTranscriber(workers),
        EmbeddedSynthesizer(workers),
        EmbeddedEndOfTurnDetector(workers),
        _open_similarity(workers),
    )


def _open_speech_services(
    settings: Settings, routes: Routes
) -> tuple[list[Transcriber], list[Synthesizer], list[Closable]]:
    """Those of the chain that have a key. Their SDKs are loaded here, for those who use them."""
    transcribers: list[Transcriber] = []
    synthesizers: list[Synthesizer] = []
    services: list[Closable] = []
    located = settings.azure_speech_endpoint or settings.azure_speech_region
    keys = {"azure": settings.azure_speech_key and located, "openai": settings.openai_api_key}
    for name in dict.fromkeys(settings.speech_chain):
        if name == "embedded" or (services and not settings.performance_failover_enabled):
            break
        if keys.get(name):
            open_service = _open_azure_speech if name == "azure" else _open_openai_speech
            transcriber, synthesizer, service = open_service(settings, routes)
            transcribers.append(transcriber)
            synthesizers.append(synthesizer)
            services.append(service)
    return transcribers, synthesizers, services


def _open_azure_speech(settings: Settings, routes: Routes) -> tuple[Transcriber, Synthesizer, Closable]:
    try:
        from providers.azure_speech import AzureSpeech
        from providers.azure_synthesizer import AzureSynthesizer
        from providers.azure_transcriber import AzureTranscriber
    except (ImportError, OSError) as error:
        raise SettingsError(
            f"AZURE_SPEECH_KEY: the Azure Speech SDK cannot be loaded here ({error}); "
            "it needs glibc and OpenSSL, or take azure out of SPEECH_CHAIN"
        ) from error
    azure = AzureSpeech(
        settings.azure_speech_key or "",
        region=settings.azure_speech_region,
        endpoint=settings.azure_speech_endpoint,
        locales=routes.locales,
    )
    return AzureTranscriber(azure), AzureSynthesizer(azure, routes.voices("azure")), azure


def _open_openai_speech(settings: Settings, routes: Routes) -> tuple[Transcriber, Synthesizer, Closable]:
    from providers.openai_speech import OpenAIConnection
    from providers.openai_synthesizer import OpenAISynthesizer
    from providers.openai_transcriber import OpenAITranscriber

    connection = OpenAIConnection(settings.openai_api_key or "", settings.openai_base_url)
    client = connection.client
    return (
        OpenAITranscriber(client, settings.openai_transcription_model),
        OpenAISynthesizer(
            client, settings.openai_speech_model, settings.openai_speech_voice, routes.voices("openai")
        ),
        connection,
    )


def _open_similarity(workers: InferenceWorkers) -> SimilarityModel | None:
    """Words of the callers' own are a nicety: without the model flows still know their phrases."""
    try:
        return EmbeddedSimilarity(workers)
    except AssetError as error:
        log.warning("callers are understood by the flows' own phrases only: %s", error)
        return None


# A fast small model each, and the bigger one that is asked for in the second place of the chain.
OPENAI_MODELS = ("gpt-5.4-mini", "gpt-5.4")
ANTHROPIC_MODELS = ("claude-haiku-4-5", "claude-sonnet-4-6")


def open_models(settings: Settings, clock: Clock) -> FailoverModel | None:
    """The chain's language models that have a key, and behind them the one on this machine; None where none has."""
    keys = {
        "azure": settings.azure_openai_api_key and settings.azure_openai_endpoint,
        "openai": settings.openai_api_key,
        "anthropic": settings.anthropic_api_key,
        "scripted": "none needed",
    }
    chain = [name for name in dict.fromkeys(settings.model_chain) if keys[name]]
    models = [_open_model(name, settings, place == 1) for place, name in enumerate(chain)]
    if not models:
        return None
    named = {
        "azure": settings.azure_openai_deployment,
        "openai": settings.openai_model,
        "anthropic": settings.anthropic_model,
    }
    bigger = [name for name in chain[1:2] if not named.get(name)]
    alone = chain == ["scripted"] or not settings.performance_failover_enabled
    asked, standby = (models[:1], None) if alone else (models, EmbeddedAnswers())
    return FailoverModel(asked, clock, open_routes(settings), bigger, standby)


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


def open_foresight(settings: Settings, clock: Clock, synthesizer: Synthesizer, aside: Aside) -> Foresight:
    """Speech that is kept, and what makes it ahead of its need."""
    cache = SpeechCache(
        settings.cache_max_entries,
        ttl_s=settings.cache_ttl_s,
        packed=settings.cache_compression,
        clock=clock,
    )
    shared = _open_shared_speech(settings.redis_url, clock) if settings.redis_url else None
    preparer = Preparer(cache, synthesizer, shared)
    learned = LearnedChances(settings.data_dir, clock, aside)
    threshold = AdaptiveThreshold(settings.cache_accuracy)
    return Foresight(clock, preparer, learned, threshold, settings.cache_depth, Answers(clock))


def _open_shared_speech(url: str, clock: Clock) -> SharedSpeech:
    """The client is loaded here, for those who use it. Raises SettingsError for an address that is none."""
    from app.orchestrator.shared_speech import RedisSpeech

    try:
        return RedisSpeech(url, clock)
    except ValueError as error:
        raise SettingsError(
            f"REDIS_URL: {error}; expected an address like redis://localhost:6379/0"
        ) from None


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
        aside: Aside = asyncio.to_thread,
    ) -> None:
        """`http` is how flows reach services, None for real sockets; `model` replies, None for the embedded one;
        `aside` does what takes long beside the event loop.
        """
        self.admission = Admission()
        self._speech = speech
        self._model = model or EmbeddedAnswers()
        self._models = model if isinstance(model, FailoverModel) else None
        self._meters = Meters(clock)
        self._aside = aside
        self._http = http or HttpClient(clock, settings.http_allow or ())
        self._foresight = foresight = open_foresight(settings, clock, speech.synthesizer, aside)
        self.speech_cache = foresight.preparer.cache
        flows = FlowStore(settings.flows_dir, environment)
        flows.require(settings.default_flow)
        self._store = CallStore(settings.data_dir, clock, settings.twilio_auth_token or "")
        target_ms, maximum_ms = settings.performance_target_latency, settings.performance_max_latency
        quality = QualityBook(clock, target_ms, maximum_ms, settings.performance_quality_threshold)
        figures = CollectorRegistry()
        book = CallBook(clock, quality, CallMetrics(figures))
        self.registry = CallRegistry(self._store, flows, settings.data_dir, clock, book, aside)
        ahead = foresight.preparer if settings.performance_cache_enabled else None
        self._flow_watch = FlowWatch(flows, speech, ahead, aside, foresight.learned)
        routes = open_routes(settings)
        self._tokens = tokens = StreamTokens(settings.data_dir, clock)
        access = Access(settings.public_url, settings.auth_tokens, settings.require_ws_signature)
        health = self._health(clock, flows, quality)
        ladder = Ladder(target_ms, maximum_ms)
        economy = self._models.economy if self._models else Economy()
        self.operations = Operations(clock, health, figures, book, ladder, economy)
        webhooks = VoiceWebhooks(
            settings,
            clock,
            access,
            tokens,
            flows,
            self.registry,
            self.admission,
            routes,
            book,
        )
        streams = Streams(access, tokens, self.registry, self._services(settings, clock, routes))
        operators = Operators(settings.console_token, self.operations, foresight)
        several = settings.web_concurrency > 1
        self._board = (
            Board(settings.data_dir, clock, health.report, self._meters.answers_ms) if several else None
        )
        of_all = self._board.report if self._board else health.report
        routed = (*webhooks.routes, *streams.routes, *health_routes(health, of_all), *operators.routes)
        self.app = Starlette(routes=routed, lifespan=self._lifespan)

    def _services(self, settings: Settings, clock: Clock, routes: Routes) -> Services:
        """What every stream shares."""
        return Services(
            clock,
            self.registry,
            self._speech,
            self.speech_cache,
            MessageStore(settings.data_dir),
            self._meters.turn,
            self._http,
            self._remembering(self._model, settings),
            settings.languages if settings.language_detection else (),
            routes.unsupported if settings.language_detection else {},
            settings.fallback_language,
            self._foresight if settings.performance_cache_enabled else None,
            Recordings(settings.data_dir, clock, self._aside) if settings.record_calls else None,
            settings.performance_target_latency,
        )

    def _remembering(self, model: LanguageModel, settings: Settings) -> LanguageModel:
        if not settings.performance_cache_enabled:
            return model
        answers, figures = self._foresight.answers, self.speech_cache.figures
        return RememberingModel(model, answers, figures, self._speech.similarity)

    def _health(self, clock: Clock, flows: FlowStore, quality: QualityBook) -> Health:
        return Health(
            clock,
            self.admission,
            self.registry,
            flows,
            self._meters,
            quality,
            self._speech,
            self.speech_cache,
            clock.now(),
            self._models,
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            watches = [
                group.create_task(self._meters.watch_loop()),
                group.create_task(self.registry.look_round()),
                group.create_task(self.registry.checkpoints.run()),
            ]
            await self._speech.warm_up()
            watches.append(group.create_task(self._speech.watch()))
            await self._model.warm_up()
            if self._models:
                watches.append(group.create_task(self._models.watch()))
            await self._flow_watch.begin()
            for work in (self._flow_watch.run(), self._foresight.run(), self.operations.watch.run()):
                watches.append(group.create_task(work))
            self.admission.ready = True
            if self._board:
                watches.append(group.create_task(self._board.run()))
            try:
                yield
            finally:
                self.registry.end_all("server stopped")
                for watch in watches:
                    watch.cancel()
                await self._foresight.aclose()
                await self._speech.aclose()
                await self._model.aclose()
                await self._http.aclose()
                self._tokens.close()
                self._store.close()
                if self._board:
                    self._board.close()

"""The composition root: the only place that puts concrete parts together, and builds all but `app.engines`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

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
from app.call.sealing import Seal
from app.call.services import Services, Speech
from app.clock import Clock
from app.engines import open_routes
from app.errors import SettingsError
from app.ops.board import Board
from app.ops.call_book import CallBook
from app.ops.health import Health
from app.ops.meters import Meters
from app.ops.metrics import CallMetrics
from app.ops.operations import Operations
from app.ops.posts import RUN, Posts
from app.ops.quality import QualityBook
from app.orchestrator.answer_cache import Answers, RememberingModel
from app.orchestrator.failover import FailoverModel
from app.orchestrator.ladder import Economy, Ladder
from app.orchestrator.preparing import Preparer, SharedSpeech
from app.orchestrator.routes import Routes
from app.orchestrator.speech_cache import SpeechCache
from app.orchestrator.threshold import AdaptiveThreshold
from app.settings import Settings
from app.web.access import Access
from app.web.health import health_routes
from app.web.operators import Operators
from app.web.streams import Streams
from app.web.tokens import StreamTokens
from app.web.voice import VoiceWebhooks
from providers.base import LanguageModel, Synthesizer
from providers.local_answers import EmbeddedAnswers


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
        self._economy = self._models.economy if self._models else Economy()
        self.operations = Operations(clock, health, figures, book, ladder, self._economy)
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
        run = environment.get(RUN, "")
        self._board = self._open_board(settings, clock, run) if settings.web_concurrency > 1 else None
        overview = self._board or self.operations
        operators = Operators(settings.console_token, overview, foresight)
        seen = (*health_routes(health, overview.report), *operators.routes)
        routed = (*webhooks.routes, *streams.routes, *seen)
        self.app = Starlette(routes=routed, lifespan=self._lifespan)

    def _open_board(self, settings: Settings, clock: Clock, run: str) -> Board:
        """What makes one of several workers, those of the same `run`."""
        seal = Seal(settings.data_dir, settings.twilio_auth_token or "")
        posts, beside = (Posts(settings.data_dir, clock, run) for _ in range(2))
        return Board(posts, beside, seal, self.operations, self._aside)

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
            self._economy,
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
                # a watch may have failed while calls come in: nobody is let into what is being taken down
                self.admission.ready = False
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

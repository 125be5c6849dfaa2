"""The speech engines and language models that the settings ask for; `app.main` puts them together with the rest."""

from __future__ import annotations

import logging
from pathlib import Path

from app.call.services import Closable, Speech
from app.clock import Clock
from app.errors import AssetError, SettingsError
from app.orchestrator.failover import FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.routes import Routes, read_routes
from app.settings import Settings
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
        ear = ScriptedTranscriber(lambda number: f"utterance {number}")
        return Speech(detector, ear, ScriptedSynthesizer(), workers=[detector])
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
    return Speech(detector, transcriber, synthesizer, end_of_turn, similarity, shared, [workers, detector])


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

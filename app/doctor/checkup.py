"""The providers that the environment configures, put together as a server would, and checked one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.clock import SystemClock
from app.doctor.services import KEYS, check_services
from app.doctor.verdict import Verdict
from app.engines import open_models, open_speech
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.settings import Settings


async def check_providers(environment: Mapping[str, str]) -> list[Verdict]:
    """Every provider of the chains; what has no key is said to be left out. Raises RelayError."""
    settings = replace(Settings.from_environment(environment), performance_failover_enabled=True)
    clock = SystemClock()
    speech, chain = open_speech(settings, clock), open_models(settings, clock)
    voice, ear = speech.synthesizer, speech.transcriber
    asked = chain.providers.values() if chain else ()
    models = [provider.engine for provider in asked if chain and provider is not chain.standby]
    synthesizers = voice.engines if isinstance(voice, FailoverSynthesizer) else (voice,)
    transcribers = ear.engines if isinstance(ear, FailoverTranscriber) else (ear,)
    try:
        verdicts = await check_services(models, synthesizers, transcribers, clock)
    finally:
        await speech.aclose()
        if chain:
            await chain.aclose()
    return [*verdicts, *_left_out(settings, {verdict.what for verdict in verdicts})]


def _left_out(settings: Settings, checked: set[str]) -> list[Verdict]:
    wanted = [f"{name} model" for name in settings.model_chain]
    wanted += [f"{name} {role}" for role in ("voice", "recogniser") for name in settings.speech_chain]
    return [
        Verdict(what, "skipped", "is left out: it has no key", f"to use it set {KEYS[what]}")
        for what in wanted
        if what in KEYS and what not in checked
    ]

"""The real SDKs on a call that goes from English to Spanish to French, each against its service on 127.0.0.1."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from app.call.journal import path_of, read
from app.call.services import Speech
from app.clock import SystemClock
from app.main import Relay
from app.orchestrator.failover import FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.routes import Routes, read_routes
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan
from app.simulator.steps import Say
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import LanguageModel, Synthesizer, Transcriber
from providers.dsp import BYTES_PER_MS
from providers.openai_speech import OpenAIConnection
from providers.openai_synthesizer import OpenAISynthesizer
from providers.openai_transcriber import OpenAITranscriber
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from tests.call.relay import UNSIGNED, URL, events
from tests.call.services import flows_in
from tests.call.test_routes import FLOW, HEARD
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.fakes.model_service import Answer, FakeModelService, serving
from tests.providers.loopback import serving as speech_serving
from tests.providers.model_subjects import SDKS, model_of
from tests.providers.openai_fake import OpenAIFake
from tests.simulator.calls import call_over

pytestmark = pytest.mark.real_time

ROUTES = """\
en: {transcribers: [azure], models: [azure], synthesizers: [azure], voices: {azure: en-GB-SoniaNeural}, locale: en-GB,
     formality: Manner en.}
es: {transcribers: [azure], models: [openai], synthesizers: [openai], voices: {openai: coral}, formality: Manner es.}
fr: {transcribers: [openai], models: [anthropic], synthesizers: [azure], voices: {azure: fr-CA-SylvieNeural},
     locale: fr-CA, formality: Manner fr.}
"""
ANSWERS = {
    "azure": "Behind the house.",
    "openai": "Mañana a las nueve.",
    "anthropic": "Demain à neuf heures.",
}
LATER = "merci beaucoup et à demain matin alors"
SAID = Say("something to be heard")
SAID_MS = 60 * len(SAID.text)


@dataclass
class Cloud:
    """The services, and what they saw."""

    azure: AzureFake
    openai: OpenAIFake
    models: dict[str, FakeModelService] = field(default_factory=dict)

    def asked(self, name: str) -> list[str]:
        """The requests that a model got, as text."""
        return [json.dumps(seen.body, ensure_ascii=False) for seen in self.models[name].seen if seen.body]

    @property
    def azure_spoke(self) -> list[str]:
        return [request["ssml"] for request in self.azure.requests if request["path"] == "ssml"]


@asynccontextmanager
async def cloud() -> AsyncIterator[tuple[Cloud, int, int]]:
    phrases = [
        Phrase(HEARD["en"].text, "en-GB"),
        Phrase(HEARD["es"].text, "es-ES"),
        Phrase(HEARD["fr"].text, "fr-CA"),
    ]
    seen = Cloud(AzureFake(phrases), OpenAIFake([LATER]))
    async with AsyncExitStack() as stack:
        for name in SDKS:
            answer = Answer([f" {word}" for word in ANSWERS[name].split()])
            seen.models[name] = await stack.enter_async_context(serving(name, answer))
        azure_port = stack.enter_context(speech_serving(seen.azure.app))
        yield seen, azure_port, stack.enter_context(speech_serving(seen.openai.app))


def speech_of(routes: Routes, clock: SystemClock, azure_port: int, openai_port: int) -> Speech:
    azure = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{azure_port}", locales=routes.locales)
    openai = OpenAIConnection("k", f"http://127.0.0.1:{openai_port}/v1")
    ears: list[Transcriber] = [
        AzureTranscriber(azure),
        OpenAITranscriber(openai.client, "m"),
        ScriptedTranscriber([], name="embedded"),
    ]
    voices: list[Synthesizer] = [
        AzureSynthesizer(azure, routes.voices("azure")),
        OpenAISynthesizer(openai.client, "m", "alloy", routes.voices("openai")),
        ScriptedSynthesizer(name="embedded"),
    ]
    return Speech(
        ScriptedVoiceDetector(0.01),
        FailoverTranscriber(ears, clock, routes),
        FailoverSynthesizer(voices, clock, routes),
        shared=[azure, openai],
    )


async def call(
    directory: Path, routes: Routes, speech: Speech, models: Sequence[LanguageModel]
) -> list[dict[str, Any]]:
    """The journal of a call of four turns."""
    clock = SystemClock()
    settings = replace(flows_in(directory, FLOW), data_dir=directory)
    relay = Relay(settings, clock, speech, {}, None, FailoverModel(models, clock, routes))
    async with AsgiCarriage(relay.app) as carriage:
        plan = CallPlan(f"{URL}/voice/incoming?flow=chat", UNSIGNED)
        placed = await call_over(carriage, clock, [SAID] * 4, plan)
    return list(read(path_of(directory, placed.report.call_sid)))


async def test_routes_voices_and_prompts_follow_and_no_word_is_lost(tmp_path: Path) -> None:
    routes = read_routes(ROUTES, "routes.yaml")
    async with cloud() as (seen, azure_port, openai_port):
        speech = speech_of(routes, SystemClock(), azure_port, openai_port)
        models = [model_of(seen.models[name]) for name in SDKS]
        journal = await call(tmp_path, routes, speech, models)
    heard = [HEARD["en"].text, HEARD["es"].text, HEARD["fr"].text, LATER]
    assert not events(journal, "failover")
    assert [event["text"] for event in events(journal, "utterance")] == heard
    # who answered, and in which manner
    turns = list(
        zip(("azure", "openai", "anthropic", "anthropic"), heard, ("en", "es", "fr", "fr"), strict=True)
    )
    said = [event["text"] for event in events(journal, "said") if event["text"] in ANSWERS.values()]
    assert said[1:] == [ANSWERS[name] for name, _, _ in turns]  # the first is the opening
    for name, text, code in turns:
        assert any(text in body and f"Manner {code}." in body for body in seen.asked(name))
    # in whose voice
    for name, voice in (("azure", "en-GB-SoniaNeural"), ("anthropic", "fr-CA-SylvieNeural")):
        assert any(voice in ssml and ANSWERS[name] in ssml for ssml in seen.azure_spoke)
    assert ("coral", ANSWERS["openai"]) in {(one["voice"], one["input"]) for one in seen.openai.requests}
    # and who had listened, to the whole of it
    assert [len(item) >= SAID_MS * BYTES_PER_MS for item in seen.openai.items] == [True]

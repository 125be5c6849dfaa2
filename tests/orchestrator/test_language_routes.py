"""Routes at work: each language has providers, voices and a manner of its own."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from app.clock import ManualClock
from app.orchestrator.failover import Decision, FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.routes import Routes, read_routes
from app.orchestrator.voices import voice_of
from providers.base import Message, ModelRequest, Voice
from providers.prompting import instructions
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber
from providers.scripted_model import Reply, ScriptedModel

NAMES = ("azure", "openai", "embedded")
CHANGES = {"en": "azure", "es": "openai", "fr": "azure"}


@pytest.fixture
def routes() -> Routes:
    text = """\
es:
  transcribers: [openai]
  models: [openai, azure]
  synthesizers: [openai]
  formality: Say usted.
"""
    return read_routes(text, "routes.yaml")


def asked(language: str) -> ModelRequest:
    return ModelRequest("Help.", [Message("caller", "Hello?")], language, 50)


@pytest.mark.parametrize(("language", "first"), CHANGES.items())
async def test_a_model_by_language(clock: ManualClock, routes: Routes, language: str, first: str) -> None:
    seen: list[ModelRequest] = []

    def reply(request: ModelRequest) -> Reply:
        seen.append(request)
        return Reply("All right.")

    decisions: list[Decision] = []
    models = [ScriptedModel(reply, name=name) for name in ("azure", "openai")]
    model = FailoverModel(models, clock, routes).watched(decisions.append)
    async with aclosing(model.reply(asked(language))) as events:
        async for _ in events:
            pass
    assert [one.provider for one in decisions if one.what == "answered"] == [first]
    assert ("Say usted." in instructions(seen[0])) == (language == "es")


@pytest.mark.parametrize(("language", "first"), CHANGES.items())
async def test_a_voice_by_language(clock: ManualClock, routes: Routes, language: str, first: str) -> None:
    voices = [ScriptedSynthesizer(name=name) for name in NAMES]
    chain = FailoverSynthesizer(voices, clock, routes)
    async for _ in chain.synthesize("one", voice_of(chain, language, {})):
        pass
    assert [voice.name for voice in voices if voice.spoken] == [first]


@pytest.mark.parametrize(("language", "first"), CHANGES.items())
async def test_an_ear_by_language(clock: ManualClock, routes: Routes, language: str, first: str) -> None:
    ears = [ScriptedTranscriber([name] * 9, name=name) for name in NAMES]
    stream = await FailoverTranscriber(ears, clock, routes).open(language, on_partial=lambda _: None)
    stream.utterance_started()
    stream.push(b"\xff" * 8000)
    assert (await stream.finish()).text == first
    await stream.aclose()


def test_a_flow_chooses_voices(clock: ManualClock, routes: Routes) -> None:
    chain = FailoverSynthesizer([ScriptedSynthesizer(name=name) for name in NAMES], clock, routes)
    wanted = {"en": "azure:amy", "fr": "colette", "es": "azure:nobody", "de": "hal:9000"}
    assert voice_of(chain, "en", wanted) == Voice("amy", "en", "azure")
    assert voice_of(chain, "fr", wanted) == Voice("colette", "fr", "azure")
    # azure does not speak Spanish by this route, and nobody knows hal
    assert voice_of(chain, "es", wanted) == chain.voice("es")
    assert voice_of(chain, "de", wanted) == chain.voice("de")
    alone = ScriptedSynthesizer(name="embedded")
    assert voice_of(alone, "en", wanted) == alone.voice("en")


async def test_a_flows_voice_is_its_providers_alone(clock: ManualClock) -> None:
    voices = [ScriptedSynthesizer(name=name) for name in NAMES]
    chain = FailoverSynthesizer(voices, clock)
    engines = {
        engine.name: chain._voice_of(engine, Voice("amy", "en", "openai"))
        for engine in chain.providers.values()
    }
    assert engines["openai"].name == "amy"
    assert engines["azure"] == voices[0].voice("en")

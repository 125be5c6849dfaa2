"""`callrelay doctor` against the services' fakes."""

from __future__ import annotations

import pytest

from app.clock import SystemClock
from app.doctor.services import SENTENCE, check_services
from app.doctor.verdict import Verdict, held
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Synthesizer, Transcriber
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.openai_transcriber import OpenAITranscriber
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber
from tests.providers import loopback
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.fakes.model_service import Answer, serving
from tests.providers.loopback import Fault
from tests.providers.model_subjects import model_of
from tests.providers.openai_fake import OpenAIFake

pytestmark = pytest.mark.real_time


async def examined(azure: AzureFake, openai: OpenAIFake, model: Answer) -> dict[str, Verdict]:
    """Two speech services, one model, and engines that stand for those on this machine."""
    with loopback.serving(azure.app) as azure_port, loopback.serving(openai.app) as openai_port:
        service = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{azure_port}")
        client = openai_client("k", f"http://127.0.0.1:{openai_port}/v1")
        azure_voice = AzureSynthesizer(service)
        voices: list[Synthesizer] = [azure_voice, OpenAISynthesizer(client, "m", "v"), ScriptedSynthesizer()]
        ears: list[Transcriber] = [
            AzureTranscriber(service),
            OpenAITranscriber(client, "m"),
            ScriptedTranscriber([SENTENCE]),
        ]
        async with serving("anthropic", model) as behind:
            asked = model_of(behind)
            found = await check_services([asked], voices, ears, SystemClock())
            await asked.aclose()
        await azure_voice.aclose()
        await client.close()
    await service.aclose()
    return {verdict.what: verdict for verdict in found}


def well() -> tuple[AzureFake, OpenAIFake]:
    return AzureFake([Phrase(SENTENCE)], word_ms=150), OpenAIFake([SENTENCE])


async def test_all_is_well() -> None:
    found = await examined(*well(), Answer())
    assert held(list(found.values()))
    assert list(found) == [
        "anthropic model",
        *("azure voice", "openai voice", "scripted voice"),
        *("azure recogniser", "openai recogniser", "scripted recogniser"),
    ]
    assert all(verdict.ms is not None for verdict in found.values())
    assert SENTENCE in found["openai recogniser"].found


async def test_what_is_wrong_is_told_with_its_remedy_and_hides_nothing_else() -> None:
    azure = AzureFake([Phrase("Something else entirely.")], synthesis_fault=Fault("refused", status=401))
    openai = OpenAIFake(
        [SENTENCE], fault=Fault("refused", status=401), speech_fault=Fault("refused", status=429)
    )
    found = await examined(azure, openai, Answer(status=401))
    states = {what: verdict.state for what, verdict in found.items()}
    assert [what for what, state in states.items() if state == "ok"] == [
        "scripted voice",
        "scripted recogniser",
    ]
    assert (
        found["anthropic model"].remedy == "correct ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and ANTHROPIC_MODEL"
    )
    assert "AZURE_SPEECH_KEY" in found["azure voice"].remedy
    assert "OPENAI_API_KEY" in found["openai recogniser"].remedy
    assert found["openai voice"].remedy.startswith("wait")
    assert found["azure recogniser"].found.lower().startswith("it heard “something else")


async def test_a_service_that_is_not_there() -> None:
    async with serving("openai") as gone:
        pass
    model = model_of(gone)
    found = await check_services(
        [model], [ScriptedSynthesizer()], [ScriptedTranscriber([SENTENCE])], SystemClock()
    )
    await model.aclose()
    assert found[0].state == "failed"
    assert "see that the service is up" in found[0].remedy

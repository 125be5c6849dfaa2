"""The real SDK of Azure Speech against its fake: recognition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.errors import BadCredentials, BadRequest, BrokenStream, ProviderError, RateLimited, Refused
from providers import azure_transcriber, dsp
from providers.azure_speech import AzureSpeech
from providers.azure_transcriber import AzureStream, AzureTranscriber
from providers.base import Hypothesis
from providers.scripted import hum
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.loopback import Fault, serving, until

pytestmark = pytest.mark.real_time

SPEECH = hum("some words that are long enough to hear")
SILENCE = dsp.SILENCE * 100 * dsp.BYTES_PER_MS
FRAME = 20 * dsp.BYTES_PER_MS


async def talk(stream: AzureStream, audio: bytes) -> None:
    """A carrier's frames, twice as fast."""
    for at in range(0, len(audio), FRAME):
        stream.push(audio[at : at + FRAME])
        await asyncio.sleep(0.01)


async def with_azure(fake: AzureFake, use: Callable[[AzureTranscriber], Awaitable[None]]) -> None:
    with serving(fake.app) as port:
        azure = AzureSpeech("planted-key", endpoint=f"ws://127.0.0.1:{port}")
        await use(AzureTranscriber(azure))
        await azure.aclose()


async def test_words_come_while_the_caller_speaks_and_when_the_turn_is_over() -> None:
    fake, partials = AzureFake([Phrase("A table for two, señor."), Phrase("At eight.")]), list[Hypothesis]()

    async def use(transcriber: AzureTranscriber) -> None:
        stream = await transcriber.open("en", on_partial=partials.append)
        await talk(stream, SILENCE)
        stream.utterance_started()
        await talk(stream, SPEECH)
        stream.utterance_paused()
        assert (await stream.hypothesis()).text.startswith("a table for")
        await talk(stream, 4 * SILENCE)
        await until(lambda: partials[-1].text == "A table for two, señor.")
        assert await stream.finish() == Hypothesis(
            "A table for two, señor.", "en", True, partials[-1].audio_ms
        )
        stream.utterance_started()
        await talk(stream, SPEECH + 4 * SILENCE)
        await until(lambda: partials[-1].text == "At eight.")
        assert (await stream.finish()).text == "At eight."
        await stream.aclose()

    await with_azure(fake, use)
    assert [partial.text for partial in partials][:3] == ["a", "a table", "a table for"]


async def test_the_last_hypothesis_is_good_enough_when_the_service_is_slow_to_end_a_phrase() -> None:
    fake = AzureFake([Phrase("A table for two."), Phrase("At eight.")], final_delay_s=0.4)

    async def use(transcriber: AzureTranscriber) -> None:
        partials = list[Hypothesis]()
        stream = await transcriber.open("en", on_partial=partials.append)
        stream.utterance_started()
        await talk(stream, SPEECH)
        await until(lambda: partials and partials[-1].text == "a table for two")
        asked = asyncio.get_running_loop().time()
        assert (await stream.finish()).text == "a table for two"
        assert asyncio.get_running_loop().time() - asked < azure_transcriber.FIRST_WORDS_S
        await talk(stream, 4 * SILENCE)
        stream.utterance_started()
        await talk(stream, SPEECH)
        await until(lambda: partials[-1].text.startswith("at"))
        assert (await stream.finish()).text.lower().startswith("at eight")
        await stream.aclose()

    await with_azure(fake, use)


async def test_what_is_asked_for() -> None:
    fake = AzureFake([Phrase("Quiero una mesa.", "es-ES")])

    async def use(transcriber: AzureTranscriber) -> None:
        partials = list[Hypothesis]()
        stream = await transcriber.open(
            "en", on_partial=partials.append, hints=["mesa"], candidates=("es", "fr")
        )
        stream.utterance_started()
        await talk(stream, SPEECH)
        await until(lambda: partials)
        assert partials[-1].language == "es"
        await stream.aclose()

    await with_azure(fake, use)
    context = next(request for request in fake.requests if request["path"] == "speech.context")
    assert fake.requests[0]["key"] == "planted-key"
    assert context["dgi"]["Groups"][0]["Items"] == [{"Text": "mesa"}]
    assert context["languageId"]["languages"] == ["en-US", "es-ES", "fr-FR"]
    assert context["languageId"]["mode"] == "DetectContinuous"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("refused", status=401), BadCredentials),
        (Fault("refused", status=403), BadCredentials),
        (Fault("refused", status=400), BadRequest),
        (Fault("refused", status=429), RateLimited),
        (Fault("refused", status=503), Refused),
        *[(Fault("dies", at), BrokenStream) for at in range(4)],
        (Fault("dies", 1, code=1000), BrokenStream),
    ],
    ids=str,
)
async def test_a_failure_is_told(fault: Fault, kind: type[ProviderError]) -> None:
    async def use(transcriber: AzureTranscriber) -> None:
        stream = await transcriber.open("en", on_partial=lambda _: None)
        stream.utterance_started()
        await talk(stream, SPEECH)
        await until(lambda: stream.failure)
        assert isinstance(stream.failure, kind)
        assert "planted-key" not in str(stream.failure)
        with pytest.raises(kind):
            await stream.finish()
        await stream.aclose()

    await with_azure(AzureFake([Phrase("some words that are long enough to hear")], fault=fault), use)


async def test_a_service_that_cannot_be_reached_is_given_up() -> None:
    azure = AzureSpeech("k", endpoint="ws://127.0.0.1:9")
    stream = await AzureTranscriber(azure).open("en", on_partial=lambda _: None)
    await until(lambda: stream.failure)
    assert "ConnectionFailure" in str(stream.failure)
    await stream.aclose()
    await azure.aclose()


async def test_noise_is_no_words() -> None:
    async def use(transcriber: AzureTranscriber) -> None:
        stream = await transcriber.open("en", on_partial=lambda _: None)
        assert (await stream.finish()).text == ""
        stream.utterance_started()
        await talk(stream, SILENCE)
        assert (await stream.finish()).text == ""
        stream.utterance_started()
        stream.discard()
        await stream.aclose()
        await stream.aclose()

    await with_azure(AzureFake(), use)


async def test_an_unknown_language_is_refused() -> None:
    azure = AzureSpeech("k", endpoint="ws://127.0.0.1:9")
    with pytest.raises(Refused, match="no locale for 'xx'"):
        await AzureTranscriber(azure).open("xx", on_partial=lambda _: None)
    await azure.aclose()

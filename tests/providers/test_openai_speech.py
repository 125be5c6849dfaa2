"""The real SDK of OpenAI against its fake: realtime transcription and speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from app.errors import BadCredentials, BrokenStream, ProviderError, RateLimited, Refused, TimedOut
from providers import dsp, openai_synthesizer, openai_transcriber
from providers.base import Hypothesis
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.openai_transcriber import OpenAIStream, OpenAITranscriber
from providers.scripted import hum
from tests.providers.loopback import Fault, serving, until
from tests.providers.openai_fake import OpenAIFake, pcm_of

pytestmark = pytest.mark.real_time

WORDS = "one two three four five six seven"
SPEECH = hum(WORDS)
SILENCE = dsp.SILENCE * 200 * dsp.BYTES_PER_MS


@asynccontextmanager
async def ear_of(fake: OpenAIFake, partials: list[Hypothesis] | None = None) -> AsyncIterator[OpenAIStream]:
    heard = [] if partials is None else partials
    with serving(fake.app) as port:
        client = openai_client("planted-key", f"http://127.0.0.1:{port}/v1")
        stream = await OpenAITranscriber(client, "a-model").open("en", on_partial=heard.append)
        yield stream
        await stream.aclose()
        await client.close()


@asynccontextmanager
async def voice_of(fake: OpenAIFake) -> AsyncIterator[OpenAISynthesizer]:
    with serving(fake.app) as port:
        client = openai_client("planted-key", f"http://127.0.0.1:{port}/v1")
        yield OpenAISynthesizer(client, "a-model", "a-voice")
        await client.close()


async def spoken(synthesizer: OpenAISynthesizer, text: str, said: bytearray | None = None) -> bytes:
    """The speech for a text; `said` has what came before an error."""
    said = bytearray() if said is None else said
    async for chunk in synthesizer.synthesize(text, synthesizer.default_voice):
        said += chunk
    return bytes(said)


async def finished_or_failed(stream: OpenAIStream) -> None:
    """An utterance may have its words before the stream fails."""
    await stream.finish()
    await until(lambda: stream.failure)
    assert stream.failure
    raise stream.failure


async def test_an_utterance_that_goes_on_after_a_pause_is_two_items_and_one_text() -> None:
    fake, partials = OpenAIFake(["A table for two,", "señor.", "At eight."]), list[Hypothesis]()
    async with ear_of(fake, partials) as stream:
        stream.push(SILENCE)
        stream.utterance_started()
        stream.push(SPEECH)
        stream.utterance_paused()
        assert (await stream.hypothesis()).text == "A table for two,"
        stream.utterance_started()
        stream.push(SPEECH)
        stream.utterance_paused()
        assert (await stream.finish()).text == "A table for two, señor."
        assert (await stream.finish()).text == ""
        stream.utterance_started()
        stream.push(SPEECH)
        assert (await stream.finish()).text == "At eight."
    assert fake.items[0] == SILENCE + SPEECH
    assert [partial.text for partial in partials[:2]] == ["A", "A table"]
    assert fake.keys[0] == "Bearer planted-key"
    session = fake.sessions[0]["audio"]["input"]
    assert session["format"] == {"type": "audio/pcmu"}
    assert session["transcription"] == {"model": "a-model", "language": "en"}
    assert session["turn_detection"] is None


async def test_a_hypothesis_covers_what_the_service_has_listened_to() -> None:
    async with ear_of(OpenAIFake(["Yes."], final_delay_s=5)) as stream:
        stream.utterance_started()
        assert (await stream.hypothesis()).audio_ms == 0
        stream.push(SPEECH)
        assert (await stream.hypothesis()).audio_ms == 0
    async with ear_of(OpenAIFake(["Yes."])) as stream:
        stream.utterance_started()
        stream.push(SPEECH)
        assert (await stream.hypothesis()).audio_ms == len(SPEECH) / 8


async def test_hints_and_languages_are_told() -> None:
    fake = OpenAIFake()
    with serving(fake.app) as port:
        client = openai_client("k", f"http://127.0.0.1:{port}/v1")
        transcriber = OpenAITranscriber(client, "m")
        stream = await transcriber.open(
            "en-GB", on_partial=lambda _: None, hints=["Ñandú"], candidates=["es"]
        )
        await until(lambda: fake.sessions)
        await stream.aclose()
        await client.close()
        await until(lambda: not fake.connected)
    told = fake.sessions[0]["audio"]["input"]["transcription"]
    assert told == {"model": "m", "languages": ["en", "es"], "keywords": ["Ñandú"]}
    with pytest.raises(Refused):
        await transcriber.open("xx", on_partial=lambda _: None)


async def test_words_that_have_all_come_are_enough_when_the_final_is_late() -> None:
    async with ear_of(OpenAIFake(final_delay_s=5)) as stream:
        stream.utterance_started()
        stream.push(SPEECH)
        words = await stream.finish()
    assert words.text == "Hello there."
    assert not words.final


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("refused", status=401), BadCredentials),
        (Fault("refused", status=429), RateLimited),
        (Fault("refused", status=500), Refused),
        *[(Fault("dies", at), BrokenStream) for at in range(5)],
        *[(Fault("malformed", at), BrokenStream) for at in range(5)],
        *[(Fault("stalls", at), TimedOut) for at in range(4)],
    ],
    ids=str,
)
async def test_a_recogniser_that_fails(
    fault: Fault, kind: type[ProviderError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_transcriber, "FIRST_WORDS_S", 0.5)
    async with ear_of(OpenAIFake(fault=fault)) as stream:
        stream.utterance_started()
        stream.push(SPEECH)
        with pytest.raises(kind) as caught:
            await finished_or_failed(stream)
        assert "planted-key" not in str(caught.value)


async def test_speech_is_the_same_however_it_comes() -> None:
    fake = OpenAIFake()
    async with voice_of(fake) as synthesizer:
        speech = await spoken(synthesizer, "Grüß Gott & <b>")
        assert await spoken(synthesizer, "…") == b""
    whole = dsp.decimate(
        np.frombuffer(pcm_of(hum("Grüß Gott & <b>")), "<i2").astype(np.float32) / np.float32(32768), 3
    )
    assert speech == dsp.to_mulaw(whole)
    expected = {"model": "a-model", "voice": "a-voice", "input": "Grüß Gott & <b>", "response_format": "pcm"}
    assert fake.requests == [expected]


async def test_an_interrupted_voice_closes_its_request() -> None:
    async with voice_of(OpenAIFake(chunk_gap_s=0.05)) as synthesizer:
        speech = synthesizer.synthesize(WORDS * 5, synthesizer.default_voice)
        await anext(speech)
        await speech.aclose()
        assert await spoken(synthesizer, "next")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("refused", status=401), BadCredentials),
        (Fault("refused", status=429), RateLimited),
        (Fault("refused", status=502), Refused),
        (Fault("stalls", 0), TimedOut),
        *[(Fault("dies", at), BrokenStream) for at in range(4)],
        *[(Fault("stalls", at), BrokenStream) for at in range(1, 4)],
    ],
    ids=str,
)
async def test_a_voice_that_fails(
    fault: Fault, kind: type[ProviderError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_synthesizer, "FIRST_AUDIO_S", 0.5)
    monkeypatch.setattr(openai_synthesizer, "STALL_S", 0.2)
    said = bytearray()
    async with voice_of(OpenAIFake(speech_fault=fault)) as synthesizer:
        with pytest.raises(kind) as caught:
            await spoken(synthesizer, WORDS, said)
    assert bool(said) == (fault.at > 0)
    assert "planted-key" not in str(caught.value)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_s == 7


async def test_no_audio_is_a_failure() -> None:
    async with voice_of(OpenAIFake(empty=True)) as synthesizer:
        with pytest.raises(Refused, match="no audio"):
            await spoken(synthesizer, WORDS)


async def test_a_service_that_cannot_be_reached() -> None:
    client = openai_client("k", "http://127.0.0.1:9/v1")
    with pytest.raises(Refused):
        await spoken(OpenAISynthesizer(client, "m", "v"), WORDS)
    stream = await OpenAITranscriber(client, "m").open("en", on_partial=lambda _: None)
    await until(lambda: stream.failure)
    assert isinstance(stream.failure, Refused)
    await stream.aclose()
    await asyncio.gather(client.close())

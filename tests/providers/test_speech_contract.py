"""What every transcriber and synthesizer must do: ours, and anybody's who adds one to `engines`."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from app.errors import ProviderError
from providers import dsp
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Hypothesis, Synthesizer, Transcriber, Voice
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.openai_transcriber import OpenAITranscriber
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, hum
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.loopback import serving, until
from tests.providers.openai_fake import OpenAIFake

pytestmark = pytest.mark.real_time

TEXT = "Grüß Gott, señor; 3 < 4 & déjà vu 日本 👋."
LONG = " ".join(f"word{number}" for number in range(60)) + "."
SPEECH = hum("some words that are long enough to hear")
SILENCE = dsp.SILENCE * 100 * dsp.BYTES_PER_MS
USES = 500


@contextmanager
def fakes() -> Iterator[tuple[int, int]]:
    with serving(AzureFake([Phrase(TEXT)]).app) as azure, serving(OpenAIFake([TEXT] * 1000).app) as openai:
        yield azure, openai


@asynccontextmanager
async def transcriber_of(name: str, embedded: EmbeddedTranscriber) -> AsyncIterator[Transcriber]:
    with fakes() as (azure_port, openai_port):
        azure = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{azure_port}")
        client = openai_client("k", f"http://127.0.0.1:{openai_port}/v1")
        engines: dict[str, Transcriber] = {
            "embedded": embedded,
            "scripted": ScriptedTranscriber(lambda _: TEXT),
            "azure": AzureTranscriber(azure),
            "openai": OpenAITranscriber(client, "m"),
        }
        yield engines[name]
        await azure.aclose()
        await client.close()


@asynccontextmanager
async def synthesizer_of(name: str, embedded: EmbeddedSynthesizer) -> AsyncIterator[Synthesizer]:
    with fakes() as (azure_port, openai_port):
        azure = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{azure_port}")
        client = openai_client("k", f"http://127.0.0.1:{openai_port}/v1")
        engines: dict[str, Synthesizer] = {
            "embedded": embedded,
            "scripted": ScriptedSynthesizer(),
            "azure": AzureSynthesizer(azure),
            "openai": OpenAISynthesizer(client, "m", "v"),
        }
        await engines[name].warm_up()
        yield engines[name]
        if name != "embedded":
            await engines[name].aclose()
        await azure.aclose()
        await client.close()


every_engine = pytest.mark.parametrize("name", ["embedded", "scripted", "azure", "openai"])
every_service = pytest.mark.parametrize("name", ["azure", "openai"])


async def spoken(synthesizer: Synthesizer, text: str, voice: Voice | None = None) -> bytes:
    chunks = synthesizer.synthesize(text, voice or synthesizer.default_voice)
    return b"".join([chunk async for chunk in chunks])


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@every_engine
async def test_a_voice_speaks(name: str, synthesizer: EmbeddedSynthesizer) -> None:
    async with synthesizer_of(name, synthesizer) as engine:
        assert engine.name == name
        assert engine.healthy
        voice = engine.voice("en")
        assert voice == engine.default_voice
        assert engine.voice("xx") is None or name == "scripted"
        assert dsp.rms(await spoken(engine, TEXT, voice)) > 0.01
        await spoken(engine, "…")  # nothing to say is no error
        seconds = len(await spoken(engine, LONG)) / dsp.RATE_HZ
        assert seconds > 15


@every_engine
async def test_voices_speak_at_once_and_each_its_own_words(
    name: str, synthesizer: EmbeddedSynthesizer
) -> None:
    texts = ["One.", "Two and three.", "Four and five and six."]
    async with synthesizer_of(name, synthesizer) as engine:
        alone = [await spoken(engine, text) for text in texts]
        assert await asyncio.gather(*(spoken(engine, text) for text in texts)) == alone
        assert sorted(alone, key=len) == alone


@every_engine
async def test_a_voice_that_is_interrupted_speaks_again(name: str, synthesizer: EmbeddedSynthesizer) -> None:
    async with synthesizer_of(name, synthesizer) as engine:
        whole = await spoken(engine, "One two.")
        for _ in range(3):
            chunks = engine.synthesize(LONG, engine.default_voice)
            assert await anext(chunks)
            await chunks.aclose()
            assert await spoken(engine, "One two.") == whole


@every_service
async def test_many_uses_of_a_voice_leave_nothing_behind(name: str, synthesizer: EmbeddedSynthesizer) -> None:
    async with synthesizer_of(name, synthesizer) as engine:
        for number in range(USES):
            if number == 20:
                gc.collect()
                threads, files = threading.active_count(), descriptors()
            await spoken(engine, "One.")
        assert threading.active_count() <= threads + 1
        assert descriptors() <= files + 2


@every_engine
async def test_a_recogniser_hears(name: str, transcriber: EmbeddedTranscriber, speech: bytes) -> None:
    heard: list[Hypothesis] = []
    async with transcriber_of(name, transcriber) as engine:
        assert engine.name == name
        assert engine.healthy
        assert "en" in engine.languages
        stream = await engine.open("en", on_partial=heard.append)
        assert (await stream.finish()).text == ""
        stream.push(SILENCE)
        stream.utterance_started()
        stream.push(speech)
        stream.utterance_paused()
        stream.push(4 * SILENCE)
        final = await stream.finish()
        assert final.final
        assert final.language == "en"
        assert final.text
        assert stream.failure is None
        stream.utterance_started()
        stream.push(SILENCE)
        stream.discard()
        assert (await stream.finish()).text == ""
        await stream.aclose()
        await stream.aclose()
    assert all(not partial.final and partial.text for partial in heard)


@every_engine
async def test_who_speaks_on_while_words_are_awaited_is_heard(
    name: str, transcriber: EmbeddedTranscriber, speech: bytes
) -> None:
    async with transcriber_of(name, transcriber) as engine:
        stream = await engine.open("en", on_partial=lambda _: None)
        async with asyncio.TaskGroup() as group:
            stream.utterance_started()
            stream.push(speech + 4 * SILENCE)
            first = group.create_task(stream.finish())
            await asyncio.sleep(0)
            stream.utterance_started()
            stream.push(speech + 4 * SILENCE)
        assert first.result().text
        assert (await stream.finish()).text
        await stream.aclose()


@every_engine
async def test_a_recogniser_refuses_a_language_that_it_does_not_know(
    name: str, transcriber: EmbeddedTranscriber
) -> None:
    async with transcriber_of(name, transcriber) as engine:
        if name == "scripted":
            return
        with pytest.raises(ProviderError):
            await engine.open("xx", on_partial=lambda _: None)


@every_engine
async def test_a_question_that_is_cancelled_does_no_harm(
    name: str, transcriber: EmbeddedTranscriber, speech: bytes
) -> None:
    async with transcriber_of(name, transcriber) as engine:
        stream = await engine.open("en", on_partial=lambda _: None)
        stream.utterance_started()
        stream.push(speech)
        asking = asyncio.get_running_loop().create_task(stream.hypothesis())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        stream.push(4 * SILENCE)
        assert (await stream.finish()).text
        await stream.aclose()


@every_service
async def test_many_streams_leave_nothing_behind(name: str, transcriber: EmbeddedTranscriber) -> None:
    async with transcriber_of(name, transcriber) as engine:
        for number in range(USES // 10):
            if number == 5:
                gc.collect()
                threads, files = threading.active_count(), descriptors()
            await _use(engine)
        await until(lambda: descriptors() <= files + 4)
        assert threading.active_count() <= threads + 16


async def _use(engine: Transcriber) -> None:
    streams = [await engine.open("en", on_partial=lambda _: None) for _ in range(10)]
    for stream in streams:
        stream.utterance_started()
        stream.push(SPEECH)
        stream.discard()
    await asyncio.sleep(0.02)
    for stream in streams:
        await stream.aclose()

"""The real SDKs against their fakes, in a chain with an engine on this machine."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from app.clock import SystemClock
from app.orchestrator import failover_synthesizer
from app.orchestrator.chain import Switch
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from providers import azure_utterance, dsp, openai_synthesizer
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Synthesizer
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.scripted import Heard, ScriptedSynthesizer, ScriptedTranscriber, hum
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.fakes.speech_sweep import (
    AT_ANY_CHUNK,
    ROWS,
    SDKS,
    Spoken,
    Understood,
    ear_indexes,
    service,
    spoken,
    understood,
    voice_indexes,
)
from tests.providers.loopback import Delay, Fault, serving, taken
from tests.providers.openai_fake import OpenAIFake

pytestmark = pytest.mark.real_time

TEXT = "i want a table for two at eight please"
WORDS = TEXT.split()
HEARD = Heard(TEXT, tuple((100.0 * (n + 1), " ".join(WORDS[: n + 1])) for n in range(len(WORDS))))
SPEECH = hum("a sentence of some two seconds or so it is")
SILENCE = dsp.SILENCE * 400 * dsp.BYTES_PER_MS
FRAME = 20 * dsp.BYTES_PER_MS
EARS_AT_ONCE, VOICES_AT_ONCE = 12, 4

T = TypeVar("T")


class Call:
    """A call that Azure listens to, with an engine on this machine behind it."""

    def __init__(self, azure: AzureSpeech) -> None:
        self.local = ScriptedTranscriber(lambda _: HEARD, name="local")
        self.switches: list[Switch] = []
        chain = FailoverTranscriber([AzureTranscriber(azure), self.local], SystemClock())
        self.transcriber = chain.watched(self.switches.append)

    async def open(self) -> None:
        self.stream = await self.transcriber.open("en", on_partial=lambda _: None)

    async def audio(self, audio: bytes) -> None:
        for at in range(0, len(audio), FRAME):
            self.stream.push(audio[at : at + FRAME])
            await asyncio.sleep(0.02)

    async def utterance(self) -> str:
        await self.audio(SILENCE)
        self.stream.utterance_started()
        await self.audio(SPEECH)
        self.stream.utterance_paused()
        await self.audio(SILENCE[: 5 * FRAME])
        return (await self.stream.finish()).text.lower().rstrip(".")


@asynccontextmanager
async def call_on(fake: AzureFake) -> AsyncIterator[Call]:
    with serving(fake.app) as port:
        azure = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{port}")
        call = Call(azure)
        await call.open()
        yield call
        await call.stream.aclose()
    await azure.aclose()


def azure() -> AzureFake:
    return AzureFake([Phrase(f"{TEXT}.")], word_ms=150)


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_recogniser_that_fails_at_any_message_is_replaced(sdk: str) -> None:
    async def one(row: str, at: int) -> Understood:
        return await understood(
            row, sdk, at, ScriptedTranscriber(lambda _: HEARD, name="local"), SPEECH, TEXT
        )

    for (row, at), found in (await each(ear_indexes, sdk, one, EARS_AT_ONCE)).items():
        assert found.text.lower().rstrip(".") == TEXT, (row, at)
        complete = row == "stalls" and sdk == "openai" and at == ear_indexes(row, sdk, TEXT)[-1]
        assert found.taken[:1] == ([] if complete else ["local"]), (row, at)


async def test_a_recogniser_that_is_silent() -> None:
    fake = azure()
    fake.silent = True
    async with call_on(fake) as call:
        assert await call.utterance() == TEXT
        assert call.switches[0].taken == "local"
        fake.silent = False
        await call.audio(8 * SILENCE)
        assert call.switches[-1].why == "back"
        assert await call.utterance() == TEXT


async def test_a_recogniser_that_drops_while_the_agent_speaks_comes_back() -> None:
    fake = azure()
    async with call_on(fake) as call:
        assert await call.utterance() == TEXT
        fake.drops = True
        await call.audio(SILENCE)
        assert [switch.taken for switch in call.switches] == ["local"]
        fake.drops = False
        assert await call.utterance() == TEXT
        await call.audio(4 * SILENCE)
        assert [switch.taken for switch in call.switches] == ["local", "azure"]
        assert await call.utterance() == TEXT


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_voice_that_fails_at_any_chunk_is_gone_on_with(
    sdk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # where all at once keep the machine busy, it might be out before a client has noticed a stall, and knows the words
    monkeypatch.setattr(failover_synthesizer, "NEXT_CHUNK_S", 3.0)

    async def one(row: str, at: int) -> Spoken:
        return await spoken(row, sdk, at, ScriptedSynthesizer(name="local"), TEXT)

    whole_ms = len(hum(TEXT)) / dsp.BYTES_PER_MS
    for (row, at), found in (await each(voice_indexes, sdk, one, VOICES_AT_ONCE)).items():
        assert (found.lost, found.twice) == (0, 0), (row, at)
        assert found.switch_ms is not None or found.heard_ms > 0.9 * whole_ms, (row, at)
        if sdk == "azure" and row in AT_ANY_CHUNK:
            assert found.heard_ms == max(0, min(at * 100, whole_ms)), (row, at)


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_client_tells_of_a_stall_before_it_is_given_up(sdk: str) -> None:
    """With the bounds that are shipped: only the client knows which words were said."""
    switches: list[Switch] = []
    async with service("stalls", sdk, AzureFake() if sdk == "azure" else OpenAIFake()) as there:
        chain = FailoverSynthesizer([there.voice, ScriptedSynthesizer(name="local")], SystemClock())
        chain = chain.watched(switches.append)
        for at in (None, 3):  # connected by then
            if at:
                there.break_voice("stalls", at)
            assert [chunk async for chunk in chain.synthesize(TEXT, chain.default_voice)]
        await chain.aclose()
    (switch,) = switches
    assert f"{sdk} makes no speech within" not in switch.why


async def each(
    indexes: Callable[[str, str, str], range],
    sdk: str,
    one: Callable[[str, int], Awaitable[T]],
    at_once: int,
) -> dict[tuple[str, int], T]:
    """What comes of each fault at each place, a few of them at the same time."""
    gate = asyncio.Semaphore(at_once)

    async def gated(row: str, at: int) -> T:
        async with gate:
            return await one(row, at)

    places = [(row, at) for row in ROWS for at in indexes(row, sdk, TEXT)]
    return dict(zip(places, await asyncio.gather(*(gated(*place) for place in places)), strict=True))


@pytest.mark.parametrize("name", SDKS)
@pytest.mark.parametrize("delay", ["busy", "slow"])
async def test_a_voice_is_not_left_for_our_own_delay(
    name: str, delay: Delay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends every 30 ms, and 100 ms of silence would be a stall."""
    monkeypatch.setattr(azure_utterance, "STALL_S", 0.1)
    monkeypatch.setattr(openai_synthesizer, "STALL_S", 0.1)
    monkeypatch.setattr(failover_synthesizer, "NEXT_CHUNK_S", 0.15)
    local = ScriptedSynthesizer(name="local")
    fake = AzureFake(chunk_gap_s=0.03) if name == "azure" else OpenAIFake(chunk_gap_s=0.03)
    async with service("well", name, fake) as there:
        chain = FailoverSynthesizer([there.voice, local], SystemClock())
        chunks = chain.synthesize("one two", chain.default_voice)
        speech = b"".join(await taken(chunks, delay, 0.25))
        await chain.aclose()
    assert not local.spoken
    assert len(speech) == len(hum("one two"))


async def test_azure_then_openai_then_this_machine() -> None:
    fakes = AzureFake(synthesis_fault=Fault("dies", 5)), OpenAIFake(speech_fault=Fault("dies", 5))
    with serving(fakes[0].app) as azure_port, serving(fakes[1].app) as openai_port:
        service = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{azure_port}")
        client = openai_client("k", f"http://127.0.0.1:{openai_port}/v1")
        local = ScriptedSynthesizer(name="local")
        await length_of([AzureSynthesizer(service), OpenAISynthesizer(client, "m", "v"), local])
        texts = [fakes[0].spoken[0], fakes[1].requests[0]["input"], local.spoken[0]]
        assert texts[0] == TEXT
        assert all(a.endswith(b) and len(b) < len(a) for a, b in itertools.pairwise(texts))
        await client.close()
    await service.aclose()


async def length_of(chain: list[Synthesizer]) -> int:
    """How many bytes of speech the chain makes of the text."""
    synthesizer = FailoverSynthesizer(chain, SystemClock())
    voice = synthesizer.voice("en")
    assert voice
    length = sum([len(chunk) async for chunk in synthesizer.synthesize(TEXT, voice)])
    await synthesizer.aclose()
    return length

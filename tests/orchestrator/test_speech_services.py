"""The real SDKs against their fakes, in a chain with an engine on this machine."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.clock import SystemClock
from app.orchestrator.chain import Switch
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from providers import dsp
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Synthesizer
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.scripted import Heard, ScriptedSynthesizer, ScriptedTranscriber, hum
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.loopback import Fault, serving
from tests.providers.openai_fake import OpenAIFake

pytestmark = pytest.mark.real_time

TEXT = "i want a table for two at eight please"
WORDS = TEXT.split()
HEARD = Heard(TEXT, tuple((100.0 * (n + 1), " ".join(WORDS[: n + 1])) for n in range(len(WORDS))))
SPEECH = hum("a sentence of some two seconds or so it is")
SILENCE = dsp.SILENCE * 400 * dsp.BYTES_PER_MS
FRAME = 20 * dsp.BYTES_PER_MS


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


def azure(fault: Fault | None = None) -> AzureFake:
    return AzureFake([Phrase(f"{TEXT}.")], word_ms=150, fault=fault)


@pytest.mark.parametrize("at", range(7))
async def test_a_recogniser_that_dies_while_the_caller_speaks(at: int) -> None:
    async with call_on(azure(Fault("dies", at))) as call:
        assert await call.utterance() == TEXT
        assert call.switches[0].taken == "local"


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_a_recogniser_that_refuses(status: int) -> None:
    async with call_on(azure(Fault("refused", status=status))) as call:
        assert await call.utterance() == TEXT
        assert call.switches[0].taken == "local"


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


@pytest.mark.parametrize("kind", ["dies", "stalls"])
@pytest.mark.parametrize("at", range(0, 26, 3))
async def test_a_voice_that_breaks_at_any_chunk(kind: str, at: int) -> None:
    fault = Fault(kind, at)  # type: ignore[arg-type]
    with serving(AzureFake(synthesis_fault=fault).app) as port:
        service = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{port}")
        local = ScriptedSynthesizer(name="local")
        assert await spoken([AzureSynthesizer(service), local]) >= len(hum(TEXT)) * 0.98
        rest = local.spoken[-1]
        said = TEXT.removesuffix(rest).split()
        heard_bytes = at * 100 * dsp.BYTES_PER_MS
        assert TEXT.endswith(rest)
        assert len(hum(" ".join(said))) <= heard_bytes
        assert heard_bytes < len(hum(" ".join([*said, rest.split()[0]])))
    await service.aclose()


async def test_azure_then_openai_then_this_machine() -> None:
    fakes = AzureFake(synthesis_fault=Fault("dies", 5)), OpenAIFake(speech_fault=Fault("dies", 5))
    with serving(fakes[0].app) as azure_port, serving(fakes[1].app) as openai_port:
        service = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{azure_port}")
        client = openai_client("k", f"http://127.0.0.1:{openai_port}/v1")
        local = ScriptedSynthesizer(name="local")
        await spoken([AzureSynthesizer(service), OpenAISynthesizer(client, "m", "v"), local])
        texts = [fakes[0].spoken[0], fakes[1].requests[0]["input"], local.spoken[0]]
        assert texts[0] == TEXT
        assert all(a.endswith(b) and len(b) < len(a) for a, b in itertools.pairwise(texts))
        await client.close()
    await service.aclose()


async def spoken(chain: list[Synthesizer]) -> int:
    """How many bytes of speech the chain makes of the text."""
    synthesizer = FailoverSynthesizer(chain, SystemClock())
    voice = synthesizer.voice("en")
    assert voice
    length = sum([len(chunk) async for chunk in synthesizer.synthesize(TEXT, voice)])
    await synthesizer.aclose()
    return length

"""The real SDK of Azure Speech against its fake: synthesis."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from xml.etree import ElementTree

import pytest

from app.errors import BadCredentials, BadRequest, BrokenStream, ProviderError, RateLimited, Refused, TimedOut
from providers import azure_native, azure_synthesizer, azure_utterance, dsp
from providers.azure_speech import STARTING_THREADS, AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer, ssml
from providers.scripted import hum
from tests.providers.azure_fake import AzureFake
from tests.providers.loopback import Fault, serving, until

pytestmark = pytest.mark.real_time

TEXT = "Good morning & welcome to <Ñandú>."
WORDS = "one two three four five six seven"


@asynccontextmanager
async def voice_of(fake: AzureFake) -> AsyncIterator[AzureSynthesizer]:
    with serving(fake.app) as port:
        azure = AzureSpeech("planted-key", endpoint=f"ws://127.0.0.1:{port}")
        synthesizer = AzureSynthesizer(azure)
        yield synthesizer
        await synthesizer.aclose()
    await azure.aclose()


async def spoken(synthesizer: AzureSynthesizer, text: str, said: bytearray | None = None) -> bytes:
    """The speech for a text; `said` has what came before an error."""
    said = bytearray() if said is None else said
    async for chunk in synthesizer.synthesize(text, synthesizer.default_voice):
        said += chunk
    return bytes(said)


async def to_its_end(speech: AsyncIterator[bytes]) -> None:
    async for _ in speech:
        pass


@pytest.mark.parametrize("text", ["a < b & c", "]]> \"'", "nul \x00, half \ud800, bell \x07", "日本語 👋"])
def test_nothing_in_a_text_is_markup(text: str) -> None:
    root = ElementTree.fromstring(ssml(text, 'a"b', "en-US"))
    assert root[0].get("name") == 'a"b'
    said = root[0].text or ""
    assert [a for a, b in zip(said, text, strict=True) if a != b] == [" "] * sum(
        map(text.count, "\x00\ud800\x07")
    )


async def test_speech_comes_as_it_is_made_over_one_connection() -> None:
    fake = AzureFake()
    async with voice_of(fake) as synthesizer:
        await synthesizer.warm_up()
        assert await spoken(synthesizer, TEXT) == hum(TEXT)
        assert await spoken(synthesizer, WORDS) == hum(WORDS)
        assert fake.connections == 1
    context = next(request for request in fake.requests if request["path"] == "synthesis.context")
    assert context["synthesis"]["audio"]["outputFormat"] == "raw-8khz-8bit-mono-mulaw"
    assert fake.spoken == [TEXT, WORDS]


async def test_utterances_at_once_have_connections_of_their_own_and_leave_them_to_the_next() -> None:
    fake = AzureFake(chunk_gap_s=0.01)
    async with voice_of(fake) as synthesizer:
        for _ in range(2):
            texts = [f"{WORDS} {number}" for number in range(3)]
            assert await asyncio.gather(*(spoken(synthesizer, t) for t in texts)) == [hum(t) for t in texts]
            assert fake.connections == 3


async def test_connections_are_bounded_and_what_finds_none_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_synthesizer, "MOUTHS_MAX", 2)
    fake = AzureFake(chunk_gap_s=0.01)
    async with voice_of(fake) as synthesizer:
        texts = [f"{WORDS} {number}" for number in range(7)]
        assert await asyncio.gather(*(spoken(synthesizer, t) for t in texts)) == [hum(t) for t in texts]
        assert fake.connections == 2


async def test_who_waits_too_long_for_a_connection_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_synthesizer, "MOUTHS_MAX", 1)
    async with voice_of(AzureFake(chunk_gap_s=0.05)) as synthesizer:
        speech = synthesizer.synthesize(WORDS, synthesizer.default_voice)
        await anext(speech)
        monkeypatch.setattr(azure_synthesizer, "FIRST_AUDIO_S", 0.05)
        with pytest.raises(RateLimited, match="1 connections speak"):
            await spoken(synthesizer, "next")
        await speech.aclose()
        await until(lambda: synthesizer._idle)
        monkeypatch.setattr(azure_synthesizer, "FIRST_AUDIO_S", 5.0)
        assert await spoken(synthesizer, "next") == hum("next")


async def test_what_is_given_up_before_it_has_begun_is_never_said_and_costs_no_connection() -> None:
    fake, busy = AzureFake(), threading.Event()
    async with voice_of(fake) as synthesizer:
        await synthesizer.warm_up()
        for _ in range(STARTING_THREADS):
            synthesizer._azure.starting.submit(busy.wait)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await spoken(synthesizer, "never")
        assert len(synthesizer._idle) == 1
        busy.set()
        assert await spoken(synthesizer, WORDS) == hum(WORDS)
        assert (fake.connections, fake.spoken) == (1, [WORDS])


@pytest.mark.parametrize("left_early", [False, True])
async def test_a_connection_that_breaks_makes_room_for_another(
    left_early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_synthesizer, "MOUTHS_MAX", 1)
    fake = AzureFake(synthesis_fault=Fault("dies", 4))
    async with voice_of(fake) as synthesizer:
        for _ in range(2):
            speech = synthesizer.synthesize(WORDS, synthesizer.default_voice)
            await anext(speech)
            if left_early:
                await until(lambda: not fake.connected)
                await speech.aclose()
            else:
                with pytest.raises(BrokenStream):
                    await to_its_end(speech)
        fake.synthesis_fault = None
        assert await spoken(synthesizer, "next") == hum("next")


async def test_an_interrupted_voice_speaks_the_next_words_on_the_same_connection() -> None:
    fake = AzureFake(chunk_gap_s=0.05)
    async with voice_of(fake) as synthesizer:
        speech = synthesizer.synthesize(WORDS, synthesizer.default_voice)
        await anext(speech)
        await speech.aclose()
        await until(lambda: synthesizer._idle)
        assert await spoken(synthesizer, "next") == hum("next")
        assert fake.connections == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("refused", status=401), BadCredentials),
        (Fault("refused", status=400), BadRequest),
        (Fault("refused", status=429), RateLimited),
        (Fault("refused", status=503), Refused),
        (Fault("dies", -3), BrokenStream),
        (Fault("stalls", -3), TimedOut),
        (Fault("malformed", 0), TimedOut),
    ],
    ids=str,
)
async def test_a_service_that_says_nothing(
    fault: Fault, kind: type[ProviderError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_utterance, "FIRST_AUDIO_S", 0.5)
    async with voice_of(AzureFake(synthesis_fault=fault)) as synthesizer:
        with pytest.raises(kind) as caught:
            await spoken(synthesizer, WORDS)
        assert "planted-key" not in str(caught.value)


@pytest.mark.parametrize("kind", ["dies", "stalls", "malformed"])
@pytest.mark.parametrize("at", [1, 4, 9, 14])
async def test_a_voice_that_breaks_off_tells_the_words_that_it_said(
    kind: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_utterance, "STALL_S", 0.1)
    fault = Fault(kind, at)  # type: ignore[arg-type]
    said = bytearray()
    async with voice_of(AzureFake(synthesis_fault=fault)) as synthesizer:
        with pytest.raises(BrokenStream) as caught:
            await spoken(synthesizer, WORDS, said)
    emitted = caught.value.emitted
    assert isinstance(emitted, str)
    assert WORDS.startswith(emitted)
    rest = WORDS.removeprefix(emitted).split()
    heard_bytes = at * 100 * dsp.BYTES_PER_MS
    assert len(said) == heard_bytes
    assert len(hum(emitted)) <= heard_bytes < len(hum(f"{emitted} {rest[0]}"))


async def test_words_are_told_in_any_script() -> None:
    text = "日本語 👋 Ñandú größer five six"
    async with voice_of(AzureFake(synthesis_fault=Fault("dies", 12))) as synthesizer:
        with pytest.raises(BrokenStream) as caught:
            await spoken(synthesizer, text)
    words = str(caught.value.emitted).split()
    assert words == text.split()[: len(words)]
    assert len(words) >= 3


async def test_a_voice_that_is_gone_is_told_nothing_and_holds_nothing() -> None:
    before = len(azure_native._signals)
    async with voice_of(AzureFake()) as synthesizer:
        assert await spoken(synthesizer, WORDS) == hum(WORDS)
        assert len(azure_native._signals) == before + 2
    assert len(azure_native._signals) == before


async def test_no_audio_is_a_failure_where_there_are_words() -> None:
    async with voice_of(AzureFake(empty=True)) as synthesizer:
        with pytest.raises(Refused, match="no audio"):
            await spoken(synthesizer, WORDS)
        assert await spoken(synthesizer, "…") == b""

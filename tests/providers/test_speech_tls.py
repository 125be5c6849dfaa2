"""Speech over TLS, as services are reached: connections are kept, and a stranger's certificate is not believed."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from app.errors import ProviderError, Refused
from providers import dsp
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Synthesizer, TranscriptionStream
from providers.http_service import http_client
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.openai_transcriber import OpenAITranscriber
from providers.scripted import hum
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.loopback import serving, until
from tests.providers.openai_fake import OpenAIFake

pytestmark = pytest.mark.real_time
TEXT = "one two three"
FRAME = 20 * dsp.BYTES_PER_MS
SILENCE = dsp.SILENCE * 400 * dsp.BYTES_PER_MS


@dataclass
class Authority:
    """Signs `certificate`, and is believed by who uses `trust` or reads the file `root`."""

    certificate: Path
    trust: ssl.SSLContext
    root: Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made, certificate, root = trustme.CA(), tmp_path / "server.pem", tmp_path / "root.pem"
    made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    made.cert_pem.write_to_path(root)
    trust = ssl.create_default_context()
    made.configure_trust(trust)
    return Authority(certificate, trust, root)


async def talk(stream: TranscriptionStream, audio: bytes) -> None:
    """A carrier's frames, twice as fast."""
    for at in range(0, len(audio), FRAME):
        stream.push(audio[at : at + FRAME])
        await asyncio.sleep(0.01)


async def spoken(synthesizer: Synthesizer) -> int:
    """How many bytes of speech."""
    chunks = synthesizer.synthesize(TEXT, synthesizer.voice("en") or synthesizer.default_voice)
    return sum([len(chunk) async for chunk in chunks])


async def test_openais_voice_keeps_its_connection(authority: Authority) -> None:
    fake = OpenAIFake()
    with serving(fake.app, authority.certificate) as port:
        client = openai_client("k", f"https://127.0.0.1:{port}/v1", http_client(authority.trust))
        voice = OpenAISynthesizer(client, "m", "v")
        await voice.warm_up()
        assert [await spoken(voice) > 0 for _ in range(5)] == [True] * 5
        await client.close()
    assert len(fake.clients) == 1


async def test_openais_voice_does_not_believe_a_stranger(authority: Authority) -> None:
    with serving(OpenAIFake().app, authority.certificate) as port:
        client = openai_client("k", f"https://127.0.0.1:{port}/v1", http_client(ssl.create_default_context()))
        with pytest.raises(Refused, match="cannot be reached"):
            await spoken(OpenAISynthesizer(client, "m", "v"))
        await client.close()


@pytest.mark.parametrize("believed", [True, False])
async def test_openais_ear(authority: Authority, monkeypatch: pytest.MonkeyPatch, believed: bool) -> None:
    if believed:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    with serving(OpenAIFake([TEXT]).app, authority.certificate) as port:
        client = openai_client("k", f"https://127.0.0.1:{port}/v1")
        stream = await OpenAITranscriber(client, "m").open("en", on_partial=lambda _: None)
        stream.utterance_started()
        stream.push(hum(TEXT))
        if believed:
            assert (await stream.finish()).text == TEXT
        else:
            await until(lambda: stream.failure)
            assert isinstance(stream.failure, Refused)
        await stream.aclose()
        await client.close()


async def test_azures_voice_keeps_its_connection(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    fake = AzureFake()
    with serving(fake.app, authority.certificate) as port:
        azure = AzureSpeech("k", endpoint=f"wss://127.0.0.1:{port}")
        voice = AzureSynthesizer(azure)
        assert [await spoken(voice) > 0 for _ in range(5)] == [True] * 5
        await voice.aclose()
    await azure.aclose()
    assert fake.connections == 1


async def test_azures_voice_does_not_believe_a_stranger(authority: Authority) -> None:
    with serving(AzureFake().app, authority.certificate) as port:
        azure = AzureSpeech("k", endpoint=f"wss://127.0.0.1:{port}")
        voice = AzureSynthesizer(azure)
        with pytest.raises(ProviderError):
            await spoken(voice)
        await voice.aclose()
    await azure.aclose()


@pytest.mark.parametrize("believed", [True, False])
async def test_azures_ear(authority: Authority, monkeypatch: pytest.MonkeyPatch, believed: bool) -> None:
    if believed:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    fake = AzureFake([Phrase(TEXT)], word_ms=100)
    with serving(fake.app, authority.certificate) as port:
        azure = AzureSpeech("k", endpoint=f"wss://127.0.0.1:{port}")
        stream = await AzureTranscriber(azure).open("en", on_partial=lambda _: None)
        if believed:
            for _ in range(2):
                stream.utterance_started()
                await talk(stream, hum(TEXT))
                stream.utterance_paused()
                await talk(stream, SILENCE)
                assert (await stream.finish()).text == TEXT
            assert fake.connections == 1
        else:
            await until(lambda: stream.failure)
        await stream.aclose()
    await azure.aclose()
    assert bool(fake.connections) is believed

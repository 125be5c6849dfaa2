from __future__ import annotations

import asyncio
from functools import partial

import numpy as np
import pytest

from app.errors import AssetError, Refused
from providers import dsp
from providers.base import Hypothesis
from providers.local_decoders import Decoder, EnglishDecoder, SharedWhisper, WhisperDecoder
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_workers import InferenceWorkers

QUIET = dsp.SILENCE * 160


async def hear(
    transcriber: EmbeddedTranscriber, language: str, audio: bytes, *, pause: bool = True
) -> Hypothesis:
    stream = await transcriber.open(language, on_partial=lambda hypothesis: None)
    for frame in [QUIET] * 20:
        stream.push(frame)
    stream.utterance_started()
    for start in range(0, len(audio), 160):
        stream.push(audio[start : start + 160])
    if pause:
        stream.utterance_paused()
    hypothesis = await stream.finish()
    await stream.aclose()
    return hypothesis


@pytest.mark.real_time
async def test_it_understands_what_the_voice_says(transcriber: EmbeddedTranscriber, speech: bytes) -> None:
    hypothesis = await hear(transcriber, "en-US", speech)
    assert hypothesis.text.lower().startswith("your appointment is confirmed for tuesday at")
    assert hypothesis.confidence
    assert hypothesis.confidence > 0.7
    assert hypothesis.language == "en-US"


@pytest.mark.real_time
async def test_several_calls_at_once_do_not_mix(
    transcriber: EmbeddedTranscriber, synthesizer: EmbeddedSynthesizer
) -> None:
    sentences = [
        "I want to talk to a person.",
        "My parcel has not arrived.",
        "Please cancel the appointment.",
    ]
    voice = synthesizer.default_voice
    audio = [b"".join([chunk async for chunk in synthesizer.synthesize(text, voice)]) for text in sentences]
    heard = await asyncio.gather(*(hear(transcriber, "en", each) for each in audio))
    assert [hypothesis.text for hypothesis in heard] == sentences


@pytest.mark.real_time
async def test_half_a_minute_without_a_pause_is_understood_to_the_end(
    transcriber: EmbeddedTranscriber, synthesizer: EmbeddedSynthesizer
) -> None:
    text = " ".join(f"This is sentence number {number} of a very long story." for number in range(1, 11))
    audio = b"".join([chunk async for chunk in synthesizer.synthesize(text, synthesizer.default_voice)])
    assert len(audio) > 25 * 8000
    hypothesis = await hear(transcriber, "en", audio, pause=False)
    assert hypothesis.text.lower().count("very long story") == 10
    assert hypothesis.audio_ms == pytest.approx(len(audio) / 8 + 400, abs=20)


@pytest.mark.real_time
@pytest.mark.parametrize("loudness", [0.0, 0.003, 0.03])
async def test_silence_and_noise_have_no_words(
    workers: InferenceWorkers, whisper: SharedWhisper, loudness: float
) -> None:
    noise = (loudness * np.random.default_rng(5).standard_normal(12_000)).astype(np.float32)
    doubting: list[Decoder] = [WhisperDecoder(whisper, language) for language in ("es", "fr", "de")]
    for decoder in [EnglishDecoder(), *doubting]:
        assert (await workers.run(partial(decoder.decode, dsp.to_mulaw(noise), ()))).text == ""


@pytest.mark.real_time
async def test_the_multilingual_network_understands_too(
    workers: InferenceWorkers, whisper: SharedWhisper, speech: bytes
) -> None:
    decoder = WhisperDecoder(whisper, "en")
    heard = await workers.run(lambda: decoder.decode(speech, ()))
    assert "appointment is confirmed for tuesday" in heard.text.lower()
    assert heard.confidence > 0.6


async def test_a_language_it_does_not_know_is_refused_by_name(transcriber: EmbeddedTranscriber) -> None:
    with pytest.raises(Refused, match="does not know the language 'xx'; it knows de, en, es"):
        await transcriber.open("xx", on_partial=print)


def test_without_its_files_it_says_what_to_do(
    workers: InferenceWorkers, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for languages, asset in (({"en"}, "moonshine-tiny-en"), ({"es"}, "whisper-base")):
        with pytest.raises(AssetError, match=f"{asset}.* is missing .*; run scripts/install"):
            EmbeddedTranscriber(workers, frozenset(languages))

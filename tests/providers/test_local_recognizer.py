from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pytest

from app.errors import AssetError, Refused
from providers import dsp
from providers.base import Hypothesis
from providers.local_decoders import Decoder, Decoding, EnglishDecoder, SharedWhisper, WhisperDecoder
from providers.local_recognizer import EmbeddedStream, EmbeddedTranscriber
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_workers import InferenceWorkers

T = TypeVar("T")

QUIET = dsp.SILENCE * 160
NOISE = dsp.to_mulaw((0.05 * np.sin(np.arange(160))).astype(np.float32))
LOUD = dsp.to_mulaw((0.3 * np.sin(np.arange(160))).astype(np.float32))


@dataclass
class LengthDecoder:
    """Hears how long the audio is; `seen` are the lengths in milliseconds, `drafts` what came with them."""

    partial_every_ms: float | None = 400.0
    longest_ms: float = 15_000.0
    seen: list[float] = field(default_factory=list)
    drafts: list[tuple[int, ...]] = field(default_factory=list)

    def decode(self, audio: bytes, draft: tuple[int, ...]) -> Decoding:
        self.seen.append(len(audio) / 8)
        self.drafts.append(draft)
        return Decoding(f"{len(audio) // 8} ms", 0.5, (len(audio) // 8,))

    def load(self) -> None:
        raise AssertionError("nothing to load")


class HandWorkers(InferenceWorkers):
    """Work is done when the test says so, on its own thread."""

    def __init__(self) -> None:
        super().__init__(1)
        self.jobs: list[tuple[Future[Any], Callable[[], Any], bool]] = []

    def submit(self, work: Callable[[], T], *, urgent: bool = True) -> Future[T]:
        future: Future[T] = Future()
        self.jobs.append((future, work, urgent))
        return future

    @property
    def due(self) -> list[bool]:
        """For each job that is neither done nor cancelled whether it is urgent."""
        return [urgent for future, _, urgent in self.jobs if not future.done()]

    async def work(self) -> None:
        """Do all there is, and let the loop hear of it."""
        for future, work, _ in self.jobs:
            if not future.done() and not future.running() and future.set_running_or_notify_cancel():
                future.set_result(work())
        self.jobs.clear()
        for _ in range(3):
            await asyncio.sleep(0)


class Ear:
    """A stream with a decoder that hears lengths, and workers that wait for the test's hand."""

    def __init__(self, decoder: Decoder | None = None) -> None:
        self.decoder = decoder or LengthDecoder()
        self.workers = HandWorkers()
        self.partials: list[Hypothesis] = []
        self.stream = EmbeddedStream(self.workers, self.decoder, "en", self.partials.append)

    def push(self, frame: bytes, count: int) -> None:
        for _ in range(count):
            self.stream.push(frame)

    async def finish(self) -> Hypothesis:
        finish = asyncio.ensure_future(self.stream.finish())
        await asyncio.sleep(0)
        await self.workers.work()
        return await finish


async def test_an_utterance_begins_with_the_last_400_ms() -> None:
    ear = Ear()
    ear.push(QUIET, 100)
    ear.stream.utterance_started()
    ear.push(LOUD, 5)
    assert await ear.finish() == Hypothesis("500 ms", "en", True, 500.0, 0.5)


async def test_the_next_utterance_does_not_hear_the_one_before() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    await ear.finish()
    ear.push(QUIET, 5)
    ear.stream.utterance_started()
    assert (await ear.finish()).audio_ms == 100


async def test_without_an_utterance_there_is_nothing_to_finish() -> None:
    ear = Ear()
    ear.push(LOUD, 10)
    assert await ear.stream.finish() == Hypothesis("", "en", True, 0.0, None)


async def test_partials_come_every_400_ms_each_with_the_last_ones_draft() -> None:
    decoder = LengthDecoder()
    ear = Ear(decoder)
    ear.stream.utterance_started()
    for _ in range(3):
        ear.push(LOUD, 20)
        assert ear.workers.due == [False]
        await ear.workers.work()
    assert [(partial.text, partial.audio_ms, partial.final) for partial in ear.partials] == [
        ("400 ms", 400, False),
        ("800 ms", 800, False),
        ("1200 ms", 1200, False),
    ]
    assert decoder.drafts == [(), (400,), (800,)]


async def test_a_newer_partial_replaces_one_that_still_waits() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 60)
    assert len(ear.workers.jobs) == 3
    assert ear.workers.due == [False]
    await ear.workers.work()
    assert [partial.text for partial in ear.partials] == ["1200 ms"]


async def test_a_decode_that_comes_late_does_not_take_words_back() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 20)
    (slow, slow_work, _), *_ = ear.workers.jobs
    slow.set_running_or_notify_cancel()
    ear.push(LOUD, 20)
    await ear.workers.work()
    slow.set_result(slow_work())
    await ear.workers.work()
    assert [partial.text for partial in ear.partials] == ["800 ms"]


async def test_after_a_pause_finish_has_its_text_at_once() -> None:
    decoder = LengthDecoder()
    ear = Ear(decoder)
    ear.stream.utterance_started()
    ear.push(LOUD, 19)
    ear.stream.utterance_paused()
    assert ear.workers.due == [True]
    await ear.workers.work()
    ear.push(QUIET, 15)
    hypothesis = await ear.stream.finish()
    assert hypothesis == Hypothesis("380 ms", "en", True, 680.0, 0.5)
    assert decoder.seen == [380]
    assert [partial.text for partial in ear.partials] == ["380 ms"]


async def test_speech_after_the_pause_is_not_left_out() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    ear.stream.utterance_paused()
    await ear.workers.work()
    ear.push(LOUD, 2)
    assert (await ear.finish()).text == "240 ms"


async def test_when_told_that_speech_went_on_finish_decodes_again() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    ear.stream.utterance_paused()
    await ear.workers.work()
    ear.push(QUIET, 10)
    ear.stream.utterance_started()
    assert (await ear.finish()).text == "400 ms"


async def test_silence_after_a_pause_makes_no_work_and_speech_does_again() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    ear.stream.utterance_paused()
    await ear.workers.work()
    ear.push(QUIET, 60)
    assert ear.workers.due == []
    ear.push(LOUD, 60)
    assert ear.workers.due == [False]


async def test_a_pause_that_could_not_be_decoded_is_tried_again_at_the_end() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    ear.stream.utterance_paused()
    ear.workers.jobs[0][0].set_exception(Refused("full"))
    await ear.workers.work()
    assert (await ear.finish()).text == "200 ms"


async def test_finish_raises_what_went_wrong() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    finish = asyncio.ensure_future(ear.stream.finish())
    await asyncio.sleep(0)
    ear.workers.jobs[0][0].set_exception(Refused("full"))
    with pytest.raises(Refused):
        await finish


async def test_a_long_utterance_is_cut_where_it_is_quietest_and_nothing_is_lost() -> None:
    decoder = LengthDecoder(partial_every_ms=None, longest_ms=2000)
    ear = Ear(decoder)
    ear.stream.utterance_started()
    for _ in range(3):
        ear.push(LOUD, 60)
        ear.push(QUIET, 20)
    hypothesis = await ear.finish()
    assert sum(decoder.seen) == hypothesis.audio_ms == 4800
    first, second, _ = decoder.seen
    assert 1200 <= first <= 1600
    assert 2800 <= first + second <= 3200
    assert hypothesis.text == " ".join(f"{length:.0f} ms" for length in decoder.seen)
    assert hypothesis.confidence == 0.5


async def test_partials_go_on_across_a_cut_and_say_nothing_twice() -> None:
    ear = Ear(LengthDecoder(partial_every_ms=400, longest_ms=2000))
    ear.stream.utterance_started()
    for _ in range(6):
        ear.push(LOUD, 20)
        await ear.workers.work()
    texts = [[int(word) for word in partial.text.split() if word.isdigit()] for partial in ear.partials]
    assert [sum(lengths) for lengths in texts] == [partial.audio_ms for partial in ear.partials]
    assert len(texts[-1]) == 2
    assert texts[-1][0] == pytest.approx(1000, abs=100)


async def test_noise_on_the_line_after_a_pause_is_not_speech() -> None:
    decoder = LengthDecoder()
    ear = Ear(decoder)
    ear.stream.utterance_started()
    ear.push(LOUD, 16)
    ear.push(NOISE, 3)
    ear.stream.utterance_paused()
    await ear.workers.work()
    ear.push(NOISE, 15)
    assert (await ear.stream.finish()).text == "380 ms"
    assert decoder.seen == [380]


async def test_a_cancelled_finish_leaves_no_work_and_the_next_utterance_is_whole() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    finish = asyncio.ensure_future(ear.stream.finish())
    await asyncio.sleep(0)
    finish.cancel()
    await asyncio.gather(finish, return_exceptions=True)
    assert ear.workers.due == []
    ear.stream.utterance_started()
    ear.push(LOUD, 5)
    assert (await ear.finish()).audio_ms == 100


async def test_what_is_discarded_is_neither_reported_nor_decoded() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 20)
    running = ear.workers.jobs[0][0]
    running.set_running_or_notify_cancel()
    ear.push(LOUD, 20)
    ear.stream.discard()
    assert ear.workers.due == [False]  # the one that ran
    running.set_result(Decoding("too late", 1.0))
    await ear.workers.work()
    assert ear.partials == []
    assert await ear.stream.finish() == Hypothesis("", "en", True, 0.0, None)


async def test_a_closed_stream_takes_nothing_in() -> None:
    ear = Ear()
    await ear.stream.aclose()
    await ear.stream.aclose()
    ear.push(LOUD, 100)
    ear.stream.utterance_started()
    ear.stream.utterance_paused()
    assert ear.workers.jobs == []


# The engines themselves.


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
async def test_silence_and_noise_have_no_words(workers: InferenceWorkers, loudness: float) -> None:
    noise = (loudness * np.random.default_rng(5).standard_normal(12_000)).astype(np.float32)
    whisper = SharedWhisper(1)
    doubting: list[Decoder] = [WhisperDecoder(whisper, language) for language in ("es", "fr", "de")]
    for decoder in [EnglishDecoder(), *doubting]:
        assert (await workers.run(partial(decoder.decode, dsp.to_mulaw(noise), ()))).text == ""


@pytest.mark.real_time
async def test_the_multilingual_network_understands_too(workers: InferenceWorkers, speech: bytes) -> None:
    decoder = WhisperDecoder(SharedWhisper(1), "en")
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

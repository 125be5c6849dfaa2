from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pytest

from app.errors import Refused
from providers import dsp
from providers.base import Hypothesis
from providers.local_decoders import Decoder, Decoding
from providers.local_languages import OpenLanguage
from providers.local_recognizer import EmbeddedStream
from providers.local_utterance import LONGEST_MS
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
        spoken = OpenLanguage({"en": self.decoder}, "en", ())
        self.stream = EmbeddedStream(self.workers, self.decoder, "en", self.partials.append, spoken)

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


async def test_of_endless_sound_the_last_minute_is_kept() -> None:
    ear = Ear(LengthDecoder(partial_every_ms=None, longest_ms=2000))
    ear.stream.utterance_started()
    for _ in range(300):
        ear.push(LOUD, 50)
        await ear.workers.work()
    hypothesis = await ear.finish()
    heard_ms = sum(int(word) for word in hypothesis.text.split() if word.isdigit())
    assert 55_000 < heard_ms <= LONGEST_MS + 2000  # looked at whenever a stretch is cut off
    assert hypothesis.audio_ms == 300_000


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


async def test_a_cancelled_finish_of_a_long_utterance_leaves_no_work_either() -> None:
    ear = Ear(LengthDecoder(partial_every_ms=None, longest_ms=1000))
    ear.stream.utterance_started()
    ear.push(LOUD, 200)
    finish = asyncio.ensure_future(ear.stream.finish())
    await asyncio.sleep(0)
    assert len(ear.workers.due) > 3
    finish.cancel()
    await asyncio.gather(finish, return_exceptions=True)
    assert ear.workers.due == []


async def test_the_text_so_far_can_be_asked_for_and_the_utterance_goes_on() -> None:
    decoder = LengthDecoder()
    ear = Ear(decoder)
    assert await ear.stream.hypothesis() == Hypothesis("", "en", False, 0.0)
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    ear.stream.utterance_paused()
    for _ in range(2):
        question = asyncio.ensure_future(ear.stream.hypothesis())
        await asyncio.sleep(0)
        await ear.workers.work()
        assert await question == Hypothesis("200 ms", "en", False, 200.0, 0.5)
    assert decoder.seen == [200]
    ear.push(LOUD, 10)
    assert (await ear.finish()).text == "400 ms"


async def test_who_asks_in_mid_speech_gets_what_was_said_since_however_soft() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    for heard in ("200 ms", "300 ms"):
        question = asyncio.ensure_future(ear.stream.hypothesis())
        await asyncio.sleep(0)
        await ear.workers.work()
        assert (await question).text == heard
        ear.push(NOISE, 5)


async def test_who_asks_for_the_text_while_speech_goes_on_gets_what_is_known() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 20)
    await ear.workers.work()
    ear.stream.utterance_paused()
    question = asyncio.ensure_future(ear.stream.hypothesis())
    await asyncio.sleep(0)
    ear.stream.utterance_started()
    await ear.workers.work()
    assert (await question).text == "400 ms"


async def test_a_question_that_is_cancelled_leaves_the_decode_to_finish() -> None:
    ear = Ear()
    ear.stream.utterance_started()
    ear.push(LOUD, 10)
    ear.stream.utterance_paused()
    question = asyncio.ensure_future(ear.stream.hypothesis())
    await asyncio.sleep(0)
    question.cancel()
    await asyncio.gather(question, return_exceptions=True)
    assert ear.workers.due == [True]
    assert (await ear.finish()).text == "200 ms"


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

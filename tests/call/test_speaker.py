from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.audio.echo import EchoGate
from app.audio.g711 import FRAME_BYTES, SILENCE, duration_ms, frames, rms
from app.call.saying import Prompt, Spoken
from app.call.speaker import Speaker
from app.call.tasks import Tasks
from app.clock import ManualClock
from app.errors import BrokenStream, ProviderError
from app.orchestrator.speech_cache import SpeechCache
from providers.base import Voice
from providers.scripted import ScriptedSynthesizer, hum
from tests.call.carrier import FakeCarrier

VOICE = Voice("hum", "en")


def prompt(text: str) -> Prompt:
    return Prompt(text=text, record=text, node="greet", voice=VOICE)


@dataclass
class Reports:
    clock: ManualClock
    log: list[str] = field(default_factory=list)
    ahead_ms: list[float] = field(default_factory=list)
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    on_start: Callable[[], None] = lambda: None

    def speech_ready(self, prompt: Prompt, due: float, asked: float, ready: float) -> None:
        self.log.append(f"ready {prompt.text}")

    def prompt_started(
        self, prompt: Prompt, ready: float, sent: float, *, cached: bool, ahead_ms: float
    ) -> None:
        self.on_start()
        self.log.append(f"started {prompt.text}")
        self.ahead_ms.append(ahead_ms)

    def prompt_ended(self, spoken: Spoken) -> None:
        self.log.append(f"heard {spoken.heard}")

    def prompt_failed(self, prompt: Prompt, error: ProviderError) -> None:
        self.log.append(f"failed {prompt.text}")

    def fell_silent(self) -> None:
        self.log.append("silent")
        self.silent.set()


@dataclass
class Stage:
    speaker: Speaker
    carrier: FakeCarrier
    reports: Reports


class RecordingGate(EchoGate):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[float, int]] = []

    def played(self, at: float, level: int) -> None:
        self.told.append((at, level))
        super().played(at, level)


@asynccontextmanager
async def stage(
    clock: ManualClock, synthesizer: ScriptedSynthesizer, echo: EchoGate | None = None
) -> AsyncIterator[Stage]:
    carrier, reports = FakeCarrier(clock), Reports(clock)
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        speaker = Speaker(clock, synthesizer, SpeechCache(100), echo or EchoGate(), tasks, carrier, reports)
        carrier.mark_reached = speaker.mark_reached
        tasks.create(speaker.send())
        yield Stage(speaker, carrier, reports)
        tasks.cancel()


async def test_speaks_in_order_and_says_when_it_was_heard(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer(first_ms=50)) as s:
        s.speaker.say(prompt("one"))
        s.speaker.say(prompt("two"))
        await s.reports.silent.wait()
    assert s.reports.log == [
        "ready one", "started one", "ready two", "started two", "heard one", "heard two", "silent"
    ]  # fmt: skip
    assert bytes(s.carrier.played) == hum("one") + hum("two")


async def test_a_line_that_is_slow_carries_the_same(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer(first_ms=50)) as s:
        s.carrier.slow = True
        s.speaker.say(prompt("one"))
        s.speaker.say(prompt("two"))
        await s.reports.silent.wait()
    assert s.reports.log[-3:] == ["heard one", "heard two", "silent"]
    assert bytes(s.carrier.played) == hum("one") + hum("two")


async def test_a_line_that_is_slow_for_a_while_keeps_the_order(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.carrier.slow = True
        s.speaker.say(replace(prompt("one"), audio=hum("one") * 5))
        await asyncio.sleep(0)
        s.carrier.slow = False
        s.speaker.say(replace(prompt("two"), audio=hum("two")))
        await s.reports.silent.wait()
    assert bytes(s.carrier.played) == hum("one") * 5 + hum("two")


class Reluctant(ScriptedSynthesizer):
    """Its speech takes a moment to let go of what it holds; `made` are the words begun, `open` those not let go of."""

    def __init__(self) -> None:
        super().__init__(first_ms=50, rate=1)
        self.made: list[str] = []
        self.open: list[str] = []
        self.most_open = 0

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        self.made.append(text)
        self.open.append(text)
        self.most_open = max(self.most_open, len(self.open))
        try:
            async with aclosing(super().synthesize(text, voice)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            await asyncio.sleep(0.01)
            self.open.remove(text)


async def test_what_follows_is_not_made_before_what_was_stopped_has_let_go(clock: ManualClock) -> None:
    synthesizer = Reluctant()
    async with stage(clock, synthesizer) as s:
        s.speaker.say(prompt("one"))
        await asyncio.sleep(0.06)
        s.speaker.interrupt()
        s.speaker.say(prompt("two"))
        await s.reports.silent.wait()
    assert (synthesizer.made, synthesizer.most_open) == (["one", "two"], 1)
    assert s.carrier.played.endswith(hum("two"))


async def test_nothing_more_is_made_once_the_stream_is_over(clock: ManualClock) -> None:
    reports, line = Reports(clock), FakeCarrier(clock)
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        speaker = Speaker(
            clock, ScriptedSynthesizer(first_ms=50), SpeechCache(100), EchoGate(), tasks, line, reports
        )
        speaker.say(prompt("one"))
        speaker.say(prompt("two"))
        await asyncio.sleep(0.01)
        tasks.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nor_where_it_had_been_interrupted_just_before(clock: ManualClock) -> None:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        speaker = Speaker(
            clock, Reluctant(), SpeechCache(100), EchoGate(), tasks, FakeCarrier(clock), Reports(clock)
        )
        speaker.say(prompt("one"))
        await asyncio.sleep(0.06)
        speaker.interrupt()
        speaker.say(prompt("two"))
        tasks.cancel()
    await asyncio.sleep(0)
    assert troubles == []


async def test_a_slow_line_is_cleared_behind_what_it_carries_already(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.carrier.slow = True
        s.speaker.say(replace(prompt("one"), audio=hum("one") * 5))
        await asyncio.sleep(0)
        s.speaker.interrupt()
        s.speaker.say(replace(prompt("two"), audio=hum("two")))
        await s.reports.silent.wait()
    assert len(s.carrier.cleared_at) == 1
    assert bytes(s.carrier.played) == hum("two")


async def test_what_a_slow_line_carries_when_it_is_cleared_makes_no_echo(clock: ManualClock) -> None:
    gate = RecordingGate()
    async with stage(clock, ScriptedSynthesizer(), gate) as s:
        s.carrier.slow = True
        s.speaker.say(replace(prompt("one"), audio=hum("one")))
        await asyncio.sleep(0)
        s.speaker.interrupt()
        await s.speaker.silence()
    assert len(s.carrier.cleared_at) == 1
    assert gate.told == []


async def test_what_is_ready_goes_with_the_next_turn_of_the_loop(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.speaker.say(replace(prompt("one"), audio=hum("one")))
        await asyncio.sleep(0)
        assert s.carrier.played


async def test_each_frame_of_a_piece_is_told_to_the_echo_gate_with_its_moment_and_level(
    clock: ManualClock,
) -> None:
    gate, audio, began_at = (
        RecordingGate(),
        SILENCE * FRAME_BYTES + hum("one")[: 9 * FRAME_BYTES],
        clock.now(),
    )
    async with stage(clock, ScriptedSynthesizer(), gate) as s:
        s.speaker.say(replace(prompt("one"), audio=audio))
        s.speaker.say(replace(prompt("two"), audio=audio))
        await s.reports.silent.wait()
    assert [at - began_at for at, _ in gate.told[:10]] == pytest.approx([0.02 * n for n in range(1, 11)])
    assert [level for _, level in gate.told[:10]] == [rms(frame) for frame in frames(audio)]
    assert s.reports.ahead_ms == [0.0, pytest.approx(200.0)]


async def test_lasting_words_are_made_once(clock: ManualClock) -> None:
    synthesizer = ScriptedSynthesizer(first_ms=50)
    async with stage(clock, synthesizer) as s:
        for _ in range(2):
            s.speaker.say(replace(prompt("welcome"), kind="static"))
        await s.reports.silent.wait()
    assert list(synthesizer.spoken) == ["welcome"]
    assert bytes(s.carrier.played) == hum("welcome") * 2


async def test_paces_without_gaps_when_speech_is_made_little_faster_than_it_plays(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer(rate=1.5, chunk_ms=50)) as s:
        s.speaker.say(prompt("a sentence of quite a few words"))
        await s.reports.silent.wait()
    assert s.carrier.gaps_ms == []
    assert s.carrier.most_buffered_ms <= 400.01


async def test_an_interruption_clears_at_once_and_splits_the_words(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.speaker.say(prompt("alpha bravo charlie delta echo foxtrot"))
        s.speaker.say(prompt("never said"))
        await asyncio.sleep(1.0)
        first, second = s.speaker.interrupt()
        await s.reports.silent.wait()
    assert s.carrier.cleared_at == [pytest.approx(1.0)]
    assert (first.heard, first.unheard) == ("alpha bravo", "charlie delta echo foxtrot")
    assert (second.heard, second.unheard) == ("", "never said")
    assert len(s.carrier.played) == pytest.approx(8000, abs=160)


async def test_what_was_heard_ends_where_the_voice_paused_for_a_comma(clock: ManualClock) -> None:
    """By letters alone, "please" comes in the second half."""
    half = hum("a word that fills a part of it")
    words = replace(prompt("One moment please, I look."), audio=half + SILENCE * 1600 + half)
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.speaker.say(words)
        await asyncio.sleep(duration_ms(half) / 1000 + 0.1)
        [spoken] = s.speaker.interrupt()
        await s.reports.silent.wait()
    assert (spoken.heard, spoken.unheard) == ("One moment please,", "I look.")


async def test_what_is_ready_begins_as_soon_as_it_may(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer(first_ms=50)) as s:
        s.speaker.let_begin(False)
        for text in ("one", "two"):
            s.speaker.say(replace(prompt(text), audio=hum(text)))
        s.speaker.say(prompt("three"))
        s.speaker.let_begin(True)
        assert s.reports.log == ["ready one", "ready two", "started one", "started two"]
        await s.reports.silent.wait()
    assert [line for line in s.reports.log if "heard" in line] == ["heard one", "heard two", "heard three"]
    assert bytes(s.carrier.played) == hum("one") + hum("two") + hum("three")


async def test_who_hears_of_a_start_may_let_the_rest_begin(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.reports.on_start = lambda: s.speaker.let_begin(True)
        s.speaker.let_begin(False)
        for text in ("one", "two", "three"):
            s.speaker.say(replace(prompt(text), audio=hum(text)))
        s.speaker.let_begin(True)
        await s.reports.silent.wait()
    assert [line for line in s.reports.log if "started" in line] == [
        "started one",
        "started two",
        "started three",
    ]
    assert bytes(s.carrier.played) == hum("one") + hum("two") + hum("three")


async def test_what_is_ready_sounds_as_it_did_when_it_was_made(clock: ManualClock) -> None:
    words = replace(prompt("One moment. Two moments."), kind="templated")
    async with stage(clock, ScriptedSynthesizer(first_ms=50)) as s:
        s.speaker.say(words)
        await s.speaker.silence()
        made = bytes(s.carrier.played)
        s.speaker.let_begin(False)
        s.speaker.say(words)
        s.speaker.let_begin(True)
        assert s.reports.log[-1] == "started One moment. Two moments."
        await s.speaker.silence()
    assert bytes(s.carrier.played) == made * 2


async def test_what_is_ready_waits_for_ten_seconds_at_most(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.speaker.let_begin(False)
        s.speaker.say(replace(prompt("one"), audio=hum("one")))
        await s.reports.silent.wait()
    assert clock.now() == pytest.approx(10 + duration_ms(hum("one")) / 1000, abs=0.05)


async def test_nothing_begins_when_all_is_over(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.speaker.let_begin(False)
        s.speaker.say(replace(prompt("one"), audio=hum("one")))
    s.speaker.let_begin(True)
    assert s.reports.log == []
    assert not s.carrier.played


async def test_what_is_said_after_an_interruption_is_heard(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.speaker.say(prompt("a long story that nobody wants to hear"))
        await asyncio.sleep(0.5)
        s.speaker.interrupt()
        s.speaker.say(prompt("yes"))
        await s.reports.silent.wait()
    assert s.reports.log[-3:] == ["started yes", "heard yes", "silent"]
    assert bytes(s.carrier.played).endswith(hum("yes"))


async def test_a_failure_in_mid_speech_loses_only_the_rest(clock: ManualClock) -> None:
    broken = ScriptedSynthesizer(fail=BrokenStream("the line to the voice broke"), fail_after_chunks=1)
    async with stage(clock, broken) as s:
        s.speaker.say(prompt("alpha bravo charlie"))
        await s.reports.silent.wait()
    assert "failed alpha bravo charlie" in s.reports.log
    assert "heard alpha bravo charlie" not in s.reports.log
    assert s.reports.log[-1] == "silent"
    assert len(s.carrier.played) == 200 * 8


async def test_marks_that_never_come_do_not_hold_the_floor_for_ever(clock: ManualClock) -> None:
    async with stage(clock, ScriptedSynthesizer()) as s:
        s.carrier.mark_reached = lambda name: None
        s.speaker.say(prompt("one"))
        await s.reports.silent.wait()
    assert clock.now() == pytest.approx(len(hum("one")) / 8000 + 1.0, abs=0.05)


@pytest.mark.parametrize("begun", [False, True])
async def test_words_that_are_dropped_before_they_are_heard_leave_silence(
    clock: ManualClock, begun: bool
) -> None:
    async with stage(clock, ScriptedSynthesizer(first_ms=50)) as s:
        await asyncio.sleep(0.1)
        s.speaker.say(replace(prompt("one moment"), passing=True))
        if begun:
            await asyncio.sleep(0.01)
        s.speaker.drop_passing()
        await s.reports.silent.wait()
    assert s.reports.log == ["silent"]

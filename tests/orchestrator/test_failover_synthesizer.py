"""Voices that fail, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from app.call.speaker import CHUNK_TIMEOUT_S
from app.clock import ManualClock
from app.errors import BadCredentials, BrokenStream, ProviderError, Refused
from app.orchestrator.chain import Switch
from app.orchestrator.failover_synthesizer import NEXT_CHUNK_S, FailoverSynthesizer
from app.orchestrator.hedge import FIRST_SOUND_LEAST_S, FIRST_SOUND_MOST_S
from providers.base import Voice
from providers.scripted import ScriptedSynthesizer, hum

TEXT = "one two three four five six seven eight nine ten"
BYTES_PER_MS = 8


def chain(clock: ManualClock, *voices: ScriptedSynthesizer) -> tuple[FailoverSynthesizer, list[Switch]]:
    switches: list[Switch] = []
    return FailoverSynthesizer(voices, clock).watched(switches.append), switches


async def spoken(synthesizer: FailoverSynthesizer, text: str = TEXT) -> bytes:
    voice = synthesizer.voice("en")
    assert voice
    return b"".join([chunk async for chunk in synthesizer.synthesize(text, voice)])


@pytest.mark.parametrize("at", range(12))
async def test_a_voice_that_dies_at_any_chunk_is_followed_by_one_that_says_the_rest(
    clock: ManualClock, at: int
) -> None:
    first = ScriptedSynthesizer(name="first", chunk_ms=300, fail=BrokenStream("died"), fail_after_chunks=at)
    second = ScriptedSynthesizer(name="second")
    synthesizer, switches = chain(clock, first, second)
    first.fail = None
    await spoken(synthesizer)  # so that its rate is known
    first.fail = BrokenStream("died")
    speech = await spoken(synthesizer)
    if not second.spoken:  # it had said everything
        assert len(speech) > 0.95 * len(hum(TEXT))
        return
    rest = second.spoken[-1]
    said = TEXT.removesuffix(rest).split()
    assert TEXT.endswith(rest)
    heard_ms = at * 300
    assert len(hum(" ".join(said[:-1]))) / BYTES_PER_MS <= heard_ms + 1
    assert heard_ms <= len(hum(" ".join([*said, rest.split()[0]]))) / BYTES_PER_MS
    assert switches == [Switch("synthesizer", "first", "second", "died")]
    assert speech == hum(TEXT)[: heard_ms * BYTES_PER_MS] + hum(rest)


async def test_what_a_voice_tells_of_its_words_counts(clock: ManualClock) -> None:
    error = BrokenStream("died", emitted="one two three")
    first = ScriptedSynthesizer(name="first", fail=error, fail_after_chunks=1)
    second = ScriptedSynthesizer(name="second")
    synthesizer, _ = chain(clock, first, second)
    await spoken(synthesizer)
    assert list(second.spoken) == ["four five six seven eight nine ten"]


@dataclass
class Stalling(ScriptedSynthesizer):
    """Says nothing more after `stalls_after` chunks."""

    stalls_after: int = 0

    async def synthesize(self, text: str, voice: Voice):  # type: ignore[no-untyped-def]
        number = 0
        async for chunk in super().synthesize(text, voice):
            if number >= self.stalls_after:
                await asyncio.sleep(3600)
            number += 1
            yield chunk


@pytest.mark.parametrize("after", range(4))
async def test_a_voice_that_stalls_is_left(clock: ManualClock, after: int) -> None:
    first, second = Stalling(name="first", stalls_after=1000), ScriptedSynthesizer(name="second")
    synthesizer, switches = chain(clock, first, second)
    for _ in range(10):
        await spoken(synthesizer)  # so that it is known for a quick one
    first.stalls_after = after
    began = clock.now()
    speech = await spoken(synthesizer)
    assert clock.now() - began == pytest.approx(NEXT_CHUNK_S if after else FIRST_SOUND_LEAST_S)
    assert speech.endswith(hum(second.spoken[-1]))
    assert len(switches) == 1


async def test_a_busy_server_is_no_stall_of_a_voice(clock: ManualClock) -> None:
    first, second = (
        ScriptedSynthesizer(name="first", chunk_ms=300, rate=1),
        ScriptedSynthesizer(name="second"),
    )
    synthesizer, switches = chain(clock, first, second)
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(keep_busy(clock, 2 * NEXT_CHUNK_S))
        assert await spoken(synthesizer) == hum(TEXT)
        busy.cancel()
    assert switches == []


async def keep_busy(clock: ManualClock, seconds: float) -> None:
    """The loop does nothing else for so long, again and again."""
    while True:
        await asyncio.sleep(0.1)
        clock.advance(seconds)


async def test_a_voice_that_is_not_known_yet_is_given_longer(clock: ManualClock) -> None:
    synthesizer, switches = chain(clock, Stalling(name="first"), ScriptedSynthesizer(name="second"))
    began = clock.now()
    await spoken(synthesizer)
    assert clock.now() - began == pytest.approx(FIRST_SOUND_MOST_S)
    assert len(switches) == 1


async def test_a_voice_that_is_slow_by_nature_is_not_left_for_it(clock: ManualClock) -> None:
    slow = ScriptedSynthesizer(name="first", first_ms=600)
    synthesizer, switches = chain(clock, slow, ScriptedSynthesizer(name="second"))
    for first_ms in (600, 450, 700, 900, 600, 500, 650, 800, 950):
        slow.first_ms = first_ms
        assert await spoken(synthesizer) == hum(TEXT)
    assert switches == []


async def test_a_voice_has_to_be_as_quick_as_it_usually_is(clock: ManualClock) -> None:
    quick = ScriptedSynthesizer(name="first", first_ms=200)
    synthesizer, switches = chain(clock, quick, ScriptedSynthesizer(name="second"))
    for _ in range(10):
        await spoken(synthesizer)
    quick.first_ms = 700
    began = clock.now()
    await spoken(synthesizer)
    assert clock.now() - began == pytest.approx(0.5)  # two and a half times its median
    assert len(switches) == 1


async def test_the_last_has_its_turn_before_the_speaker_gives_up(clock: ManualClock) -> None:
    stalling = [Stalling(name="first"), Stalling(name="second")]
    synthesizer, _ = chain(clock, *stalling, ScriptedSynthesizer(name="last"))
    began = clock.now()
    await spoken(synthesizer)
    assert clock.now() - began < CHUNK_TIMEOUT_S / 2


async def test_nobody_is_left(clock: ManualClock) -> None:
    voices = [ScriptedSynthesizer(name=name, fail=Refused(name)) for name in ("first", "second")]
    synthesizer, switches = chain(clock, *voices)
    with pytest.raises(Refused, match="second"):
        await spoken(synthesizer)
    assert len(switches) == 1


@pytest.mark.parametrize(("error", "asked"), [(Refused("no"), 5), (BadCredentials("no"), 1)])
async def test_a_voice_that_is_down_is_not_asked(
    clock: ManualClock, error: ProviderError, asked: int
) -> None:
    first, second = ScriptedSynthesizer(name="first", fail=error), ScriptedSynthesizer(name="second")
    synthesizer, _ = chain(clock, first, second)
    for _ in range(8):
        assert await spoken(synthesizer) == hum(TEXT)
    assert len(first.spoken) == asked
    assert synthesizer.report()["first"] == {"state": "down", "breaker": "open"}
    assert synthesizer.healthy


async def test_a_voice_that_is_back_is_noticed(clock: ManualClock) -> None:
    first, second = ScriptedSynthesizer(name="first", fail=Refused("no")), ScriptedSynthesizer(name="second")
    synthesizer, _ = chain(clock, first, second)
    for _ in range(5):
        await spoken(synthesizer)
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(synthesizer.watch())
        await asyncio.sleep(7)
        assert synthesizer.report()["first"]["breaker"] == "open"
        first.fail = None
        await asyncio.sleep(10)
        watch.cancel()
    assert synthesizer.report()["first"] == {"state": "healthy", "breaker": "closed"}


async def test_each_engine_has_its_own_voice(clock: ManualClock) -> None:
    asked: list[Voice] = []

    @dataclass
    class Named(ScriptedSynthesizer):
        def voice(self, language: str) -> Voice | None:
            return Voice(f"{self.name} {language}", language) if language in ("en", self.name) else None

        def synthesize(self, text: str, voice: Voice):  # type: ignore[no-untyped-def]
            asked.append(voice)
            return super().synthesize(text, voice)

    broken = Named(name="fr", fail=Refused("no"))
    synthesizer, _ = chain(clock, broken, Named(name="es"))
    await spoken(synthesizer)
    assert [voice.name for voice in asked] == ["fr en", "es en"]
    spanish = synthesizer.voice("es")
    assert spanish == Voice("es es", "es")
    async for _ in synthesizer.synthesize("hola", spanish):
        pass
    assert asked[-1] == spanish
    assert synthesizer.voice("de") is None

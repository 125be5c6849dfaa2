"""Making speech: once for all, piece by piece, and whatever becomes of who began."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from app.clock import ManualClock
from app.errors import BadCredentials, BrokenStream, ProviderError, TimedOut
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.making import BETWEEN_SENTENCES, Words, prepare, ready, speech, speech_at_hand
from app.orchestrator.speech_cache import SpeechCache
from providers.base import Synthesizer, Voice
from providers.scripted import ScriptedSynthesizer, hum

VOICE = Voice("hum", "en")
FIRST, SECOND = "One moment please.", "The code is four five."


def words(*pieces: str) -> Words:
    return Words(pieces, VOICE, "templated", "ask.ask")


async def heard(cache: SpeechCache, synthesizer: Synthesizer, said: Words) -> bytes:
    return b"".join([chunk async for chunk in speech(cache, synthesizer, said)])


async def test_pieces_are_kept_one_by_one_and_joined_with_a_breath(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer()
    whole = hum(FIRST) + BETWEEN_SENTENCES + hum(SECOND)
    assert await heard(cache, voice, words(FIRST, SECOND)) == whole
    assert ready(cache, words(FIRST, "other", SECOND)) == 1
    assert await heard(cache, voice, words(FIRST, SECOND)) == whole
    assert list(voice.spoken) == [FIRST, SECOND]


async def test_speech_is_at_hand_when_every_piece_is_kept(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer()
    await heard(cache, voice, words(FIRST))
    assert speech_at_hand(cache, words(FIRST, SECOND)) is None
    await heard(cache, voice, words(SECOND))
    assert speech_at_hand(cache, words(FIRST, SECOND)) == hum(FIRST) + BETWEEN_SENTENCES + hum(SECOND)
    assert speech_at_hand(cache, Words((FIRST,), VOICE, kind=None)) is None


async def test_what_two_want_at_once_is_made_once(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(first_ms=100, rate=2.0)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(heard(cache, voice, words(FIRST))) for _ in range(3)]
        tasks.append(group.create_task(_prepared(cache, voice, FIRST)))
    assert {task.result() for task in tasks} == {hum(FIRST)}
    assert list(voice.spoken) == [FIRST]
    assert cache.makings == {}


async def _prepared(cache: SpeechCache, voice: Synthesizer, text: str) -> bytes:
    await prepare(cache, voice, text, VOICE, "static")
    return cache.get(text, VOICE) or b""


async def test_who_follows_hears_all_when_the_maker_leaves(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(rate=1.0, chunk_ms=100)
    async with asyncio.TaskGroup() as group:
        maker = group.create_task(heard(cache, voice, words(SECOND)))
        await asyncio.sleep(0.15)
        follower = group.create_task(heard(cache, voice, words(SECOND)))
        await asyncio.sleep(0.25)
        maker.cancel()
    assert follower.result() == hum(SECOND)
    assert cache.peek(SECOND, VOICE) is not None


async def test_one_who_stops_holds_up_nobody_else(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(rate=2.0, chunk_ms=100)
    async with aclosing(speech(cache, voice, words(SECOND))) as stopped:
        begun = await anext(stopped)
        async with asyncio.timeout(3), asyncio.TaskGroup() as group:
            others = [group.create_task(heard(cache, voice, words(SECOND))) for _ in range(2)]
            others.append(group.create_task(_prepared(cache, voice, SECOND)))
        await asyncio.sleep(10)
        rest = b"".join([chunk async for chunk in stopped])
    assert {task.result() for task in others} == {hum(SECOND)} == {begun + rest}
    assert list(voice.spoken) == [SECOND]


async def test_nothing_is_made_faster_than_the_hastiest_wants_it(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(rate=2.0, chunk_ms=100)
    async with aclosing(speech(cache, voice, words(SECOND))) as chunks:
        for count in range(1, 4):
            await anext(chunks)
            await asyncio.sleep(1)
            (making,) = cache.makings.values()
            assert len(making.chunks) == count


async def test_when_the_first_leaves_one_of_those_who_follow_makes_it_for_all(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(rate=1.0, chunk_ms=100)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(heard(cache, voice, words(SECOND)))
        await asyncio.sleep(0.15)
        others = [group.create_task(heard(cache, voice, words(SECOND))) for _ in range(3)]
        await asyncio.sleep(0.25)
        first.cancel()
    assert {task.result() for task in others} == {hum(SECOND)}
    assert list(voice.spoken) == [SECOND, SECOND]


async def test_speech_that_breaks_off_is_not_kept(clock: ManualClock) -> None:
    cache = SpeechCache(10, clock=clock)
    voice = ScriptedSynthesizer(fail=BrokenStream("gone"), fail_after_chunks=1)
    with pytest.raises(ProviderError):
        await heard(cache, voice, words(SECOND))
    assert cache.texts == []
    assert cache.makings == {}


async def test_a_voice_that_hangs_while_it_prepares_is_given_up(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(rate=0.001)
    async with asyncio.timeout(15):
        with pytest.raises(TimedOut, match="scripted makes no speech within 10 s"):
            await prepare(cache, voice, SECOND, VOICE, "static")
    assert cache.makings == {}
    voice.rate = 2.0
    assert await heard(cache, voice, words(SECOND)) == hum(SECOND)


async def test_nothing_is_kept_of_what_another_voice_says_in_its_place(clock: ManualClock) -> None:
    cache, mended = SpeechCache(10, clock=clock), ScriptedSynthesizer(name="first")
    mended.fail = BrokenStream("gone")
    chain = FailoverSynthesizer([mended, ScriptedSynthesizer(name="next")], clock)
    assert await heard(cache, chain, words(SECOND))
    assert cache.texts == []
    mended.fail = None
    assert await heard(cache, chain, words(SECOND)) == hum(SECOND)
    assert cache.texts == [SECOND]


async def test_nothing_is_prepared_in_a_voice_that_stands_in(clock: ManualClock) -> None:
    cache, first, other = (
        SpeechCache(10, clock=clock),
        ScriptedSynthesizer(name="first"),
        ScriptedSynthesizer(),
    )
    chain = FailoverSynthesizer([first, other], clock)
    chain.breakers["first"].failed(clock.now(), BadCredentials("key"))
    await prepare(cache, chain, SECOND, Voice("hum", "en", "first"), "static")
    assert (cache.texts, list(other.spoken)) == ([], [])


async def test_nothing_of_a_secret_is_kept(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer()
    secret = Words((SECOND,), VOICE, None)
    assert await heard(cache, voice, secret) == hum(SECOND)
    assert (cache.texts, ready(cache, secret)) == ([], 0)
    assert cache.figures.hit_rate is None


async def test_a_miss_is_told_with_its_place_its_reason_and_what_it_cost(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(first_ms=250)
    cache.note(SECOND, VOICE, "too unlikely")
    await heard(cache, voice, words(SECOND))
    (miss,) = cache.figures.report()["worst_misses"]
    assert miss == {"at": "ask.ask", "why": "too unlikely", "count": 1, "waited_ms": 250}


async def test_who_leaves_in_the_middle_leaves_nothing_behind(clock: ManualClock) -> None:
    cache, voice = SpeechCache(10, clock=clock), ScriptedSynthesizer(rate=1.0)
    async with aclosing(speech(cache, voice, words(SECOND))) as chunks:
        await anext(chunks)
    assert cache.makings == {}
    assert cache.texts == []

from __future__ import annotations

from pathlib import Path

from app.clock import ManualClock
from app.errors import Refused
from app.flow import load
from app.orchestrator.preparing import Preparer
from app.orchestrator.prerender import render_fixed_words
from app.orchestrator.speech_cache import FIXED_TTL_S, SpeechCache
from providers.base import Voice
from providers.scripted import ScriptedSynthesizer, hum

VOICE = Voice("hum", "en")
FLOW = Path(__file__).parents[2] / "flows" / "greeting.yaml"


def test_gives_back_what_was_put_and_counts() -> None:
    cache = SpeechCache(100)
    assert cache.hit_rate is None
    assert cache.get("hello", VOICE) is None
    cache.put("hello", VOICE, b"audio")
    assert cache.get("hello", VOICE) == b"audio"
    assert cache.get("hello", Voice("hum", "es")) is None
    assert cache.hit_rate == 1 / 3


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = SpeechCache(2)
    for text in ("one", "two"):
        cache.put(text, VOICE, b"x")
    cache.get("one", VOICE)
    cache.put("three", VOICE, b"x")
    assert [(text, VOICE) in cache for text in ("one", "two", "three")] == [True, False, True]


def test_what_is_pinned_makes_room_for_nothing_but_its_like(clock: ManualClock) -> None:
    cache = SpeechCache(2, clock=clock)
    cache.put("sign", VOICE, b"x")
    cache.pin("sign", VOICE)
    cache.pin("not there", VOICE)
    for text in ("one", "two"):
        cache.put(text, VOICE, b"x")
    assert cache.texts == ["sign", "two"]
    cache.pin("two", VOICE)
    cache.put("three", VOICE, b"x")
    assert cache.texts == ["sign", "two"]
    clock.advance(FIXED_TTL_S + 1)
    cache.sweep()
    assert cache.texts == []


def test_is_bounded_by_bytes() -> None:
    cache = SpeechCache(100, max_bytes=10)
    for text in ("one", "two", "three"):
        cache.put(text, VOICE, b"12345")
    cache.put("three", VOICE, b"123456789")
    assert [(text, VOICE) in cache for text in ("one", "two", "three")] == [False, False, True]


async def test_fixed_words_are_ready_before_the_first_call() -> None:
    flow = load(FLOW.read_text(), str(FLOW))
    cache = SpeechCache(100)
    await render_fixed_words([flow], Preparer(cache, ScriptedSynthesizer()))
    greeting = "Hello, you have reached the front desk."
    assert cache.get(greeting, VOICE) == hum(greeting)
    assert ("Sorry, I didn't catch that.", VOICE) in cache
    for number in range(100):
        cache.put(str(number), VOICE, b"x", kind="templated")
    assert ("One moment.", VOICE) in cache


async def test_a_voice_that_fails_does_not_stop_the_boot() -> None:
    cache = SpeechCache(100)
    flow = load(FLOW.read_text(), str(FLOW))
    voice = ScriptedSynthesizer(fail=Refused("quota"))
    assert not await render_fixed_words([flow], Preparer(cache, voice))
    assert cache.hit_rate is None
    voice.fail = None
    assert await render_fixed_words([flow], Preparer(cache, voice))


def test_words_that_vary_go_after_minutes_fixed_ones_after_hours_unless_wanted(clock: ManualClock) -> None:
    cache = SpeechCache(100, ttl_s=300, clock=clock)
    cache.put("fixed", VOICE, b"x")
    cache.put("wanted", VOICE, b"x")
    cache.put("varies", VOICE, b"x", kind="templated")
    clock.advance(299)
    assert cache.get("varies", VOICE, "templated") == b"x"
    clock.advance(2)
    assert cache.get("varies", VOICE, "templated") is None
    assert cache.why_missing("varies", VOICE) == "expired"
    clock.advance(FIXED_TTL_S - 302)
    assert cache.renew("wanted", VOICE)
    clock.advance(2)
    assert ("fixed", VOICE) not in cache
    assert cache.get("wanted", VOICE) == b"x"
    assert not cache.renew("fixed", VOICE)


def test_what_was_guessed_counts_as_used_once_or_as_waste(clock: ManualClock) -> None:
    cache = SpeechCache(2, clock=clock)
    cache.put("used", VOICE, b"x" * 8, kind="templated", made_ms=40, ahead=True)
    cache.put("not", VOICE, b"x" * 8, kind="templated", made_ms=60, ahead=True)
    for _ in range(2):
        cache.get("used", VOICE, "templated")
    cache.put("other", VOICE, b"x")
    figures = cache.figures
    assert (figures.ahead_made, figures.ahead_used, figures.ahead_wasted) == (2, 1, 1)
    assert (figures.precision, figures.wasted_ms, figures.wasted_characters) == (0.5, 60, 3)
    assert cache.why_missing("not", VOICE) == "evicted"


def test_packed_speech_is_the_same_and_smaller(clock: ManualClock) -> None:
    cache, audio = (
        SpeechCache(10, packed=True, clock=clock),
        hum("a sentence of a few words") + b"\xff" * 8000,
    )
    cache.put("text", VOICE, audio)
    assert cache.get("text", VOICE) == audio
    assert cache.size_bytes < len(audio)

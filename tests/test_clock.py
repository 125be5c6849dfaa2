from __future__ import annotations

import asyncio

import pytest

from app.clock import ManualClock, run_virtual


async def test_an_hour_passes_at_once(clock: ManualClock) -> None:
    order = []

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append((seconds, clock.now()))

    async with asyncio.TaskGroup() as group:
        group.create_task(wait(3600))
        group.create_task(wait(1))
    assert order == [(1, 1), (3600, 3600)]
    assert (clock.wall() - ManualClock().wall()).total_seconds() == 3600


def test_a_deadlock_is_reported_instead_of_hanging() -> None:
    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing will bring about"):
        run_virtual(forever(), ManualClock())


def test_time_never_goes_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        ManualClock().advance(-1)

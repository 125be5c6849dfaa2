from __future__ import annotations

import asyncio

import pytest

from app.clock import ManualClock
from app.simulator.ticker import beating


async def test_beats_come_every_20_ms_and_the_latest_is_told(clock: ManualClock) -> None:
    beats: list[float] = []
    async with beating(clock) as ticker:
        await asyncio.sleep(5)  # nobody is registered: that is no delay
        end = ticker.register(beats.append)
        await asyncio.sleep(0.05)
        assert beats == pytest.approx([5.0, 5.02, 5.04])
        assert ticker.late_s == pytest.approx(0)
        clock.advance(0.33)
        await asyncio.sleep(0.03)
        end()
    assert beats[3:] == pytest.approx([5.38, 5.4])
    assert ticker.late_s == pytest.approx(0.32)

"""A real server whose Redis is killed, or hangs, while people call."""

from __future__ import annotations

import pytest

from scripts.benches.redis_down import TURNS_A_CALL, Break, run

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("how", ["killed", "hung"])
async def test_calls_go_on_without_redis(how: Break) -> None:
    found = await run(how, TURNS_A_CALL, at_once=1, seed=1)
    assert found.faults == []
    assert len(found.placed) == 2
    assert "given up" in found.shared
    turns = [turn for call in found.placed for turn in call.report.turns if turn.answer_due]
    assert len(turns) == 2 * TURNS_A_CALL
    assert all(turn.any_audio_ms is not None for turn in turns)

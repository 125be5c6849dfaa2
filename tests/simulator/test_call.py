from __future__ import annotations

import pytest

from app.clock import ManualClock
from app.simulator.steps import Say
from tests.simulator.calls import call_in_memory
from tests.simulator.servers import END_OF_TURN_MS, Server, polite


async def test_a_call_is_placed_answered_and_ended(clock: ManualClock) -> None:
    server = Server(polite(thinks_s=0.05))
    placed = await call_in_memory(server, clock, [Say("hello there"), Say("goodbye")])
    report = placed.report
    assert report.ended == "caller_hung_up"
    assert [turn.caller for turn in report.turns] == [{"text": "hello there"}, {"text": "goodbye"}]
    for turn in report.turns:
        assert turn.any_audio_ms == pytest.approx(END_OF_TURN_MS + 50 + 10, abs=21)
    assert report.faults() == []

from __future__ import annotations

from pathlib import Path

import pytest

from app.clock import ManualClock
from app.simulator.steps import Say
from tests.call.relay import events, running


async def test_echo_repeats_what_it_understood(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning", "thank you"]) as relay:
        placed = await relay.call("echo", [Say("good morning"), Say("thank you")])
    journal = relay.journal(placed)
    assert placed.report.faults() == []
    assert [event["text"] for event in events(journal, "said")] == ["Go ahead.", "good morning", "thank you"]
    assert [event["text"] for event in events(journal, "heard")] == ["Go ahead.", "good morning", "thank you"]
    assert [event["text"] for event in events(journal, "utterance")] == ["good morning", "thank you"]
    assert journal[0]["event"] == "call_started"
    assert [(event["reason"]) for event in events(journal, "call_ended")] == ["hangup"]
    assert len(relay.relay.registry) == 0


async def test_every_turn_tells_where_its_time_went(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning"]) as relay:
        placed = await relay.call("echo", [Say("good morning")])
    (turn,) = events(relay.journal(placed), "turn")
    stages = turn["timeline"]["stages"]
    assert list(stages) == ["endpoint", "stt_final", "decide", "speech_first_byte", "first_frame_out"]
    assert stages["endpoint"][1] == pytest.approx(500, abs=40)
    assert turn["timeline"]["answer_ms"] == pytest.approx(placed.report.turns[0].answer_audio_ms, abs=60)

"""Transfers and messages: what leaves the stream, and comes back."""

from __future__ import annotations

import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import ManualClock
from app.simulator.steps import Press, Say, StaySilent, Step
from tests.call.relay import events, running


@pytest.fixture
def clock() -> ManualClock:
    """A Friday in office hours."""
    return ManualClock(datetime(2026, 11, 13, 16, tzinfo=UTC))


async def test_a_transfer_that_is_answered_ends_the_call(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("clinic", [Press("0"), StaySilent(20)], dial_outcome="answered")
    journal = relay.journal(placed)
    assert [event["to"] for event in events(journal, "transferred")] == ["+15555550123"]
    assert [event["reason"] for event in events(journal, "call_ended")] == ["transferred"]


@pytest.mark.parametrize("outcome", ["no-answer", "busy", "failed"])
async def test_a_transfer_that_nobody_takes_comes_back_to_the_flow(
    clock: ManualClock, tmp_path: Path, outcome: str
) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("clinic", [Press("0"), StaySilent(60)], dial_outcome=outcome)
    journal = relay.journal(placed)
    nodes = [event["node"] for event in events(journal, "node_entered")]
    assert nodes[nodes.index("operator") :][:4] == ["operator", "connect", "nobody", "voicemail"]
    assert [event["event"] for event in journal].count("call_started") == 1
    assert [event["event"] for event in journal].count("call_ended") == 1


async def test_a_message_is_taken_after_the_tone_until_a_long_silence(
    clock: ManualClock, tmp_path: Path
) -> None:
    steps: list[Step] = [Press("0"), StaySilent(5), Say("this is my message for the front desk")]
    async with running(clock, tmp_path, ["anything"] * 5) as relay:
        placed = await relay.call("clinic", steps, dial_outcome="busy")
    journal = relay.journal(placed)
    (recorded,) = events(journal, "recorded")
    assert recorded["seconds"] == pytest.approx(2.7, abs=0.3)
    with wave.open(str(tmp_path / "recordings" / recorded["file"])) as file:
        assert file.getnframes() / 8000 == pytest.approx(recorded["seconds"], abs=0.1)
    assert events(journal, "node_entered")[-1]["node"] == "goodbye"
    assert "message_recorded" in [event["name"] for event in events(journal, "flow_event")]


async def test_who_hangs_up_in_a_message_has_left_it(clock: ManualClock, tmp_path: Path) -> None:
    steps: list[Step] = [Press("0"), StaySilent(5), Say("please call me back")]
    async with running(clock, tmp_path, ["anything"] * 5) as relay:
        placed = await relay.call("clinic", steps, dial_outcome="busy")
    (recorded,) = events(relay.journal(placed), "recorded")
    assert recorded["seconds"] > 1


async def test_a_call_that_changes_its_language_is_heard_and_spoken_in_it(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, ["habla español"]) as relay:
        placed = await relay.call("clinic", [Say("habla español"), Say("otra vez")])
    journal = relay.journal(placed)
    assert [event["language"] for event in events(journal, "utterance")] == ["en", "es"]
    assert any("Quiere" in event["text"] or "¿" in event["text"] for event in events(journal, "said"))

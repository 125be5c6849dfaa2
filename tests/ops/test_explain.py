from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.clock import ManualClock
from app.ops.explain import explain
from app.simulator.steps import BargeIn, Press, Say
from tests.call.relay import running


async def test_every_stage_and_every_decision_is_told(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["where are you", "goodbye"]) as relay:
        placed = await relay.call("greeting", [Say("where are you"), Say("goodbye")])
    turn = explain(relay.journal(placed), 1, 300, 500).as_json()
    assert turn["caller"] == "where are you"
    assert list(turn["stages"]) == ["endpoint", "stt_final", "decide", "speech_first_byte", "first_frame_out"]
    assert turn["kind"] == "ready"
    told = {one["what"]: one["why"] for one in turn["decisions"]}
    assert "answers the question in full" in told["end of turn"]
    assert told["understood"].startswith("as location, by ")
    assert {"what": "flow", "why": "goes to location"} in turn["decisions"]
    assert turn["quality"]["score"] == pytest.approx(sum(list(turn["quality"].values())[:-1]) / 5)


async def test_what_comes_after_an_answer_belongs_to_its_turn(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["where are you", "goodbye"]) as relay:
        placed = await relay.call("greeting", [Say("where are you"), BargeIn(600, "goodbye")])
    first = explain(relay.journal(placed), 1, 300, 500)
    assert [why for what, why in first.decisions() if what == "interrupted"]
    assert first.quality["patient"] == 0
    assert explain(relay.journal(placed), 2, 300, 500).as_json()["caller"] == "goodbye"


@pytest.mark.parametrize(("ready", "kind"), [(True, "ready"), (False, "made")])
def test_what_bridges_the_wait_is_not_taken_for_the_answer(ready: bool, kind: str) -> None:
    timeline = {"stages": {"first_frame_out": [700.0, 720.0]}, "overhead_ms": 1.0, "answer_ms": 720.0}
    record: list[dict[str, Any]] = [
        {"event": "utterance", "text": "hm"},
        {"event": "said", "text": "One moment.", "cached": not ready, "bridging": True},
        {"event": "said", "text": "It is open.", "cached": ready},
        {"event": "turn", "timeline": timeline},
    ]
    assert explain(record, 1, 300, 500).kind == kind


async def test_there_are_only_so_many_turns(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("greeting", [Press("3")])
    with pytest.raises(LookupError, match="this call has 0"):
        explain(relay.journal(placed), 1, 300, 500)


@pytest.mark.real_time
def test_the_command_tells_people_and_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    timeline = {
        "stages": {"endpoint": [0.0, 250.0], "first_frame_out": [260.0, 620.0]},
        "waits": {"pacing": 1.0},
        "complete": False,
        "end_probability": 0.4,
        "later_probability": 0.9,
        "overhead_ms": 1.0,
        "answer_ms": 620.0,
    }
    lines = [
        {"ms": 0, "event": "adapted", "way": "down", "measure": "no_hedge", "why": "late"},
        {"ms": 1, "event": "utterance", "text": "hm", "confidence": 0.5, "rung": None, "intent": None},
        {"ms": 2, "event": "failover", "role": "model", "left": "azure", "taken": None, "why": "Refused"},
        {"ms": 3, "event": "turn", "timeline": timeline},
    ]
    (folder / "CA1.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    shown = CliRunner().invoke(cli, ["explain-turn", "CA1", "1"])
    assert shown.exit_code == 0
    assert "answered after 620 ms, above the maximum of 500 ms" in shown.output
    assert "probability of 0.40, and of 0.90 when the silence went on" in shown.output
    assert "given up to be quicker: no_hedge" in shown.output
    assert "model: azure → nobody: Refused" in shown.output
    document = json.loads(CliRunner().invoke(cli, ["explain-turn", "CA1", "1", "--json"]).output)
    assert document["quality"] == {
        "answered": 0, "understood": 1, "steady": 0, "whole": 1, "patient": 1, "score": 0.6
    }  # fmt: skip
    assert CliRunner().invoke(cli, ["explain-turn", "CA1", "2"]).exit_code == 1

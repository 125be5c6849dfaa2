"""Past calls, as `callrelay calls` has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.call.journal import path_of
from app.ops.calls import MEASURED, events, summaries, waterfall

CALL_SID = "CA" + "2" * 32


def journal(data_dir: Path, *answers_ms: float) -> None:
    path = path_of(data_dir, CALL_SID)
    path.parent.mkdir(parents=True)
    turns: list[dict[str, Any]] = [
        {"event": "turn", "timeline": {"answer_ms": ms, "overhead_ms": 1.0, "stages": {"endpoint": [0, ms]}}}
        for ms in answers_ms
    ]
    lines = [{"at": "2026-11-13T10:00:00Z", "ms": 0, **event} for event in turns]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_half_the_answers_of_two_are_quicker_than_the_mean_of_both(tmp_path: Path) -> None:
    journal(tmp_path, 300.0, 700.0)
    (call,) = summaries(tmp_path)
    assert call.answer_p50_ms == 500.0


def test_the_times_say_who_measured_them(tmp_path: Path) -> None:
    journal(tmp_path, 300.0)
    assert next(waterfall(events(tmp_path, CALL_SID))) == MEASURED
    assert list(waterfall([])) == []


def test_the_stages_of_models_and_services_are_drawn_too() -> None:
    stages = {"endpoint": [0, 200], "service": [210, 400], "model_first_token": [400, 900], "own": [900, 910]}
    turn = {"event": "turn", "timeline": {"answer_ms": 910.0, "overhead_ms": 1.0, "stages": stages}}
    _, _, *drawn = waterfall([turn])
    assert [line.split()[0] for line in drawn] == list(stages)


def test_a_call_is_found_by_a_beginning_that_no_other_has(tmp_path: Path) -> None:
    journal(tmp_path, 300.0)
    assert events(tmp_path, CALL_SID[:6]) == events(tmp_path, CALL_SID)
    path_of(tmp_path, "CA3").touch()
    assert events(tmp_path, "CA3") == []
    with pytest.raises(LookupError, match="CA begins 2 calls"):
        events(tmp_path, "CA")
    with pytest.raises(LookupError, match="no call CA4"):
        events(tmp_path, "CA4")

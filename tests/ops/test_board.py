from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.clock import ManualClock
from app.ops.board import FORGOTTEN_AFTER_S, Board, Post, merged


def post(process: int, calls: int, answers_ms: list[float], **changes: Any) -> Post:
    report = {
        "status": "healthy",
        "performance": {
            "averageLatency": None,
            "p95Latency": None,
            "cacheHitRate": 0.5 * process,
            "qualityScore": None,
            "breakdown": {"ai": 10.0 * process, "network": None},
        },
        "conversationRelay": {"status": "active", "activeSessions": calls, "capacity": None},
        "providers": {"embedded/voice": {"state": "healthy"}},
        "loop": {"lagP95Ms": float(process), "tasks": 10},
        "process": {"cpuSeconds": 1.5, "rssMb": 100.0},
    }
    return Post(process, report | changes, answers_ms)


def test_the_reports_of_all_make_one() -> None:
    both = merged([post(1, 3, [100.0] * 3), post(2, 4, [200.0])])
    assert both["status"] == "healthy"
    assert both["conversationRelay"]["activeSessions"] == 7
    assert both["performance"]["averageLatency"] == 125.0
    assert both["performance"]["p95Latency"] == 200.0
    assert both["performance"]["cacheHitRate"] == 0.625
    assert both["performance"]["breakdown"] == {"ai": 12.5, "network": None}
    assert both["loop"] == {"lagP95Ms": 2.0, "tasks": 20}
    assert both["process"] == {"cpuSeconds": 3.0, "rssMb": 200.0}
    assert [line["process"] for line in both["workers"]] == [1, 2]


def test_the_speech_threads_of_all_are_counted_together_and_timed_by_the_slowest() -> None:
    one = {"waiting": 2, "restarts": 0, "waitP95Ms": None, "runP95Ms": 40.0}
    other = {"waiting": 3, "restarts": 1, "waitP95Ms": None, "runP95Ms": 50.0}
    both = merged([post(1, 0, [], inference=one), post(2, 0, [], inference=other), post(3, 0, [])])
    assert both["inference"] == {"waiting": 5, "restarts": 1, "waitP95Ms": None, "runP95Ms": 50.0}
    assert merged([post(1, 0, [], inference=None)])["inference"] is None


@pytest.mark.parametrize(
    ("mine", "other", "both"),
    [
        ("healthy", "degraded", "degraded"),
        ("draining", "healthy", "degraded"),
        ("draining", "draining", "draining"),
        ("draining", "unhealthy", "draining"),
    ],
)
def test_one_that_is_not_well_does_not_take_all_down(mine: str, other: str, both: str) -> None:
    assert merged([post(1, 0, [], status=mine), post(2, 0, [], status=other)])["status"] == both


def test_a_provider_is_as_the_worst_off_sees_it() -> None:
    down = {"embedded/voice": {"state": "down"}}
    found = merged([post(1, 0, []), post(2, 0, [], providers=down)])["providers"]
    assert found["embedded/voice"]["state"] == "down"


def test_who_says_nothing_any_more_is_forgotten(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards = {number: board(tmp_path, clock, number) for number in (1, 2)}
    monkeypatch.setattr("app.ops.board.os.getpid", lambda: 2)
    boards[2]._put()
    monkeypatch.setattr("app.ops.board.os.getpid", lambda: 1)
    assert boards[1].report()["conversationRelay"]["activeSessions"] == 3
    clock.advance(FORGOTTEN_AFTER_S + 0.1)
    assert boards[1].report()["conversationRelay"]["activeSessions"] == 1
    for one in boards.values():
        one.close()


def board(data_dir: Path, clock: ManualClock, number: int) -> Board:
    return Board(data_dir, clock, lambda: dict(post(number, number, []).report), lambda: [])

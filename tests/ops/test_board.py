from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from app.call.sealing import Seal
from app.clock import ManualClock
from app.ops.board import Board, Post, merged
from app.ops.posts import FORGOTTEN_AFTER_S, WORKERS_KEPT, Posts
from tests.call.relay import inline


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


@dataclass
class Fake:
    """A worker that has `number` calls."""

    number: int
    figures: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        def gauge(name: str) -> Gauge:
            return Gauge(f"callrelay_{name}", "", registry=self.figures)

        calls = Counter("callrelay_calls", "Calls begun", ["flow"], registry=self.figures)
        calls.labels("echo").inc(10 * self.number)
        gauge("calls_active").set(self.number)
        gauge("quality_score").set(self.number / 10)

    def report(self) -> dict[str, Any]:
        return post(self.number, self.number, []).report

    def answers_ms(self) -> list[float]:
        return []

    def state(self) -> dict[str, Any]:
        calls = {
            "live": [{"sid": f"CA{self.number}", "seconds": self.number, "words": WORDS}],
            "past": [{"sid": f"CA{self.number}9", "started": f"2026-01-0{self.number}"}],
        }
        step = {"at": f"2026-01-0{self.number}", "measure": f"m{self.number}"}
        return {
            "alerts": [
                {"name": "quality", "since": f"2026-01-0{self.number}", "text": f"{self.number} calls"},
                {"name": f"a{self.number}", "since": "2026-01-05", "text": "mend it"},
            ],
            "quality": {
                "threshold": 0.85,
                "flows": {"echo": self.number / 10},
                "turns": {"echo": 2 * self.number},
            },
            "economy": {"in_force": [f"m{self.number}"], "steps": [step]},
            "calls": calls,
        }


WORDS = "the words of a caller"


@dataclass
class House:
    """The boards of the workers 1 and 2. What one does is done as the process of that number."""

    data_dir: Path
    clock: ManualClock
    patch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.opened: list[Posts] = []
        self.boards = {number: self.board(number) for number in (1, 2)}

    def board(self, number: int, run: str = "one", secret: str = "") -> Board:
        self.patch.setattr("os.getpid", lambda: number)
        posts, beside = (Posts(self.data_dir, self.clock, run) for _ in range(2))
        self.opened += [posts, beside]
        return Board(posts, beside, Seal(self.data_dir, secret), Fake(number), inline)

    def of(self, number: int) -> Board:
        self.patch.setattr("os.getpid", lambda: number)
        return self.boards[number]

    def close(self) -> None:
        for number in self.boards:
            self.of(number).close()
        for posts in self.opened:  # also of workers that were killed
            posts.close()


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House(tmp_path, clock, monkeypatch)
    yield house
    house.close()


async def test_who_says_nothing_any_more_is_forgotten(house: House, clock: ManualClock) -> None:
    await house.of(2).put()
    assert house.of(1).report()["conversationRelay"]["activeSessions"] == 3
    clock.advance(FORGOTTEN_AFTER_S["health"] + 0.1)
    assert house.of(1).report()["conversationRelay"]["activeSessions"] == 1


def page(board: Board) -> list[str]:
    lines = generate_latest(board.figures).decode().splitlines()
    return [line for line in lines if not line.startswith("#") and "_created" not in line]


def test_what_counts_is_added_up_and_what_is_measured_stays_each_ones(house: House) -> None:
    house.of(2).put_figures()
    assert page(house.of(1)) == [
        'callrelay_calls_total{flow="echo"} 30.0',
        "callrelay_calls_active 3.0",
        'callrelay_quality_score{worker="1"} 0.1',
        'callrelay_quality_score{worker="2"} 0.2',
    ]


def test_what_a_worker_counted_outlives_it(house: House, clock: ManualClock) -> None:
    house.of(2).put_figures()
    clock.advance(FORGOTTEN_AFTER_S["figures"] + 0.1)
    assert page(house.of(1)) == [
        'callrelay_calls_total{flow="echo"} 30.0',
        "callrelay_calls_active 1.0",
        'callrelay_quality_score{worker="1"} 0.1',
    ]


def test_another_servers_workers_count_for_themselves(house: House, clock: ManualClock) -> None:
    house.of(2).put_figures()
    clock.advance(FORGOTTEN_AFTER_S["figures"] + 0.1)
    house.boards[3] = house.board(3, run="another")
    assert page(house.of(3))[0] == 'callrelay_calls_total{flow="echo"} 30.0'
    assert house.of(3).figures.gone == []


def test_another_servers_figures_stay_for_as_long_as_one_of_its_workers_lives(
    house: House, clock: ManualClock
) -> None:
    house.of(2).put_figures()
    clock.advance(FORGOTTEN_AFTER_S["figures"] + 0.1)
    house.of(1).put_figures()
    house.boards[3] = house.board(3, run="another")
    assert page(house.of(1))[0] == 'callrelay_calls_total{flow="echo"} 30.0'
    clock.advance(FORGOTTEN_AFTER_S["figures"] + 0.1)
    house.boards[4] = house.board(4, run="a third")
    assert house.of(1)._posts.gone("figures") == []


def test_a_server_that_begins_again_under_the_same_number_counts_anew(
    house: House, clock: ManualClock
) -> None:
    house.of(2).put_figures()
    house.boards[2] = house.board(2, run="another")
    assert page(house.of(2))[0] == 'callrelay_calls_total{flow="echo"} 20.0'
    assert page(house.of(1))[0] == 'callrelay_calls_total{flow="echo"} 30.0'


def test_what_was_counted_never_falls_whichever_worker_is_asked(house: House) -> None:
    two = house.boards[2]
    two.put_figures()
    calls = Counter("callrelay_more_calls", "More", registry=two._own.figures)  # type: ignore[arg-type]
    calls.inc(5)
    shown = [line for line in page(house.of(2)) if "more" in line]
    assert [line for line in page(house.of(1)) if "more" in line] == shown


def test_the_last_figures_are_put_up_at_the_end(house: House) -> None:
    house.of(2).close()
    assert page(house.of(1))[0] == 'callrelay_calls_total{flow="echo"} 30.0'


def test_of_many_workers_that_are_gone_none_is_forgotten(house: House, clock: ManualClock) -> None:
    for number in range(3, 3 + WORKERS_KEPT + 6):
        house.board(number).close()
        clock.advance(1.0)
    clock.advance(FORGOTTEN_AFTER_S["figures"])
    numbers = range(1, 3 + WORKERS_KEPT + 6)
    for _ in range(2):
        house.boards[2] = house.board(2)
        house.of(2).put_figures()
        assert len(house.of(1)._posts.gone("figures")) == WORKERS_KEPT + 1
        assert page(house.of(1))[0] == f'callrelay_calls_total{{flow="echo"}} {10.0 * sum(numbers)}'


async def test_a_board_that_cannot_be_used_shows_this_worker_alone(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.of(2).put_figures()
    await house.of(2).put()
    board = house.of(1)
    board._posts.close()
    board._beside.close()
    await board.put()
    assert board.report()["conversationRelay"]["activeSessions"] == 1
    assert page(board)[0] == 'callrelay_calls_total{flow="echo"} 10.0'
    assert "this worker's health cannot be put up" in caplog.text
    assert "the other workers' figures cannot be read" in caplog.text


async def test_states_under_another_secret_are_left_out_and_that_is_said_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.of(2).state()
    house.boards[3] = house.board(3, secret="another")
    await house.of(3).put()
    for _ in range(2):
        assert [call["sid"] for call in house.of(1).state()["calls"]["live"]] == ["CA1"]
    assert caplog.text.count("another TWILIO_AUTH_TOKEN") == 1


async def test_at_the_end_all_but_the_figures_is_taken_down(house: House) -> None:
    house.of(1).state()
    await house.of(2).put()
    house.of(2).state()
    house.of(2).close()
    left = {kind: house.of(1)._posts.fresh(kind) for kind in FORGOTTEN_AFTER_S}
    assert [kind for kind, posts in left.items() if posts] == ["figures"]


async def test_nothing_is_taken_down_that_is_not_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr(Posts, "take_down", lambda posts, kind: taken.append(kind))
    await house.of(2).put()
    assert taken == []


async def test_of_many_calls_only_some_are_told_whole_and_health_is_told_once(house: House) -> None:
    two = house.of(2)
    state = two._own.state()
    live = [{"sid": f"CB{number}", "seconds": 9, "words": [WORDS], "turns": [{}]} for number in range(40)]
    full = state | {"health": {"status": "healthy"}, "calls": {"live": live, "past": []}}
    house.patch.setattr(two._own, "state", lambda: full)
    house.of(1).state()
    await house.of(2).put()
    (post,) = house.of(1)._posts.fresh("state")
    told = msgspec.json.decode(house.of(1)._seal.open(post, "state"))
    assert "health" not in told
    assert [bool(call["words"] and call["turns"]) for call in told["calls"]["live"]] == [True] * 24 + [
        False
    ] * 16
    assert [call["sid"] for call in told["calls"]["live"]] == [call["sid"] for call in live]


async def test_the_console_shows_the_calls_of_all_once_somebody_looks(house: House) -> None:
    await house.of(2).put()
    alone = house.of(1).state()
    assert [call["sid"] for call in alone["calls"]["live"]] == ["CA1"]
    await house.of(2).put()
    both = house.of(1).state()
    assert [call["sid"] for call in both["calls"]["live"]] == ["CA2", "CA1"]
    assert [call["sid"] for call in both["calls"]["past"]] == ["CA29", "CA19"]
    assert both["economy"]["in_force"] == ["m1", "m2"]
    assert [step["measure"] for step in both["economy"]["steps"]] == ["m1", "m2"]
    assert both["quality"]["turns"] == {"echo": 6}
    assert both["alerts"][0]["text"] == "1 calls / 2 calls"
    assert [(alert["name"], alert["since"]) for alert in both["alerts"]] == [
        ("quality", "2026-01-01"),
        ("a1", "2026-01-05"),
        ("a2", "2026-01-05"),
    ]
    assert both["quality"]["flows"] == {"echo": pytest.approx((0.1 * 2 + 0.2 * 4) / 6, abs=0.001)}
    assert both["health"]["conversationRelay"]["activeSessions"] == 3


def contents(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in directory.iterdir()]


async def test_callers_words_are_sealed_and_gone_when_nobody_looks(
    house: House, clock: ManualClock, tmp_path: Path
) -> None:
    house.of(1).state()
    await house.of(2).put()
    assert len(house.of(1)._posts.fresh("state")) == 1
    assert not any(WORDS.encode() in content for content in contents(tmp_path))
    clock.advance(FORGOTTEN_AFTER_S["look"] + 0.1)
    await house.of(2).put()
    assert house.of(1)._posts.fresh("state") == []

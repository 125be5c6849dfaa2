from __future__ import annotations

import gc
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from app.clock import ManualClock
from app.load.calls import Placed, only_new_objects
from app.load.figures import Asked, Document, Run, Vitals, quantiles
from app.load.judgement import Threshold, recommendations, worse
from app.load.kept import earlier, keep
from app.load.page import page
from app.load.run import NOTHING_KNOWN, Watch, hold
from app.simulator.call import CallPlan
from app.simulator.ear import Gap
from app.simulator.turns import CallReport, Turn
from app.simulator.webhook import Route, Signer

ASKED = Asked("echo", "en", "morning", 4)
PLAN = CallPlan("http://127.0.0.1:8000/voice/incoming", Signer(Route("http://127.0.0.1:8000")))


def placed(*answers_ms: float | None, gaps: int = 0) -> Placed:
    report = CallReport("CA1", ManualClock().wall(), "caller_hung_up", 10.0, frames=500)
    for number, ms in enumerate(answers_ms):
        report.turns.append(Turn({}, number, number + 0.5, any_audio_ms=ms, answer_audio_ms=ms))
    report.gaps = [Gap(1.0, 0.1)] * gaps
    return Placed(PLAN, report, None)


def explained(*stages: dict[str, list[float]], overhead_ms: float = 1.5) -> Placed:
    """A call whose journal was at hand: each turn's stages."""
    call = placed(*[400.0] * len(stages))
    for turn, found in zip(call.report.turns, stages, strict=True):
        turn.stages, turn.overhead_ms = found, overhead_ms
    return call


def run_of(
    *calls: Placed, cpu_s: float = 2.0, rss_mb: float = 110.0, client_cpu_s: float = 1.0, workers: int = 1
) -> Run:
    before, breakdown = Vitals(1.0, 100.0, 1.0, {}), {"ai": 200.0, "audio": 20.0, "network": None}
    after = Vitals(1.0 + cpu_s, rss_mb, 2.0, breakdown, workers)
    began = ManualClock().wall()
    return Run(ASKED, began, calls, 10.0, client_cpu_s, 1.0, before, after, after)


def document(
    *calls: Placed, cpu_s: float = 2.0, rss_mb: float = 110.0, client_cpu_s: float = 1.0, workers: int = 1
) -> Document:
    run = run_of(*calls, cpu_s=cpu_s, rss_mb=rss_mb, client_cpu_s=client_cpu_s, workers=workers)
    return run.document() | {
        "broken": [],
        "worse": [],
        "recommendations": [],
    }


@pytest.mark.real_time
async def test_a_run_leaves_the_collecting_of_garbage_as_it_was() -> None:
    kept = gc.get_freeze_count()
    with only_new_objects():
        assert gc.get_freeze_count() > kept
    await hold(ASKED, "http://127.0.0.1:1", [], lambda done: None)
    assert gc.get_freeze_count() == 0


def test_the_document_has_what_others_rely_on() -> None:
    found = document(placed(100.0, 300.0, gaps=2), placed(200.0, None))
    assert (found["calls"], found["turns"], found["gaps"], found["errors"]) == (2, 4, 2, 1)
    assert found["answer_ms"] == {"p50": 200.0, "p90": 280.0, "p95": 290.0, "p99": 298.0, "max": 300.0}
    assert found["faults"] == {"no answer": 1}
    server = found["server"]
    assert (server["cpu_share"], server["us_per_frame"], server["calls_per_core"]) == (0.2, 2000.0, 20)
    assert (server["rss_mb"], server["mb_per_call"]) == (110.0, 2.5)
    assert found["client"] == {"cpu_share": 0.1, "us_per_frame": 1000.0, "lag_p95_ms": 1.0}


def test_a_server_that_says_nothing_of_itself_costs_nobody_knows_what() -> None:
    unknown = Vitals.of({})
    run = Run(ASKED, ManualClock().wall(), [placed(1.0)], 1.0, 0.1, None, unknown, unknown, unknown)
    assert set(run.document()["server"].values()) == {None}
    assert quantiles([None])["p95"] is None


@pytest.mark.parametrize(
    "health",
    [
        "nonsense",
        "[1]",
        '{"workers": 4}',
        '{"workers": [1]}',
        '{"workers": [{}]}',
        '{"loop": null}',
        '{"process": {"rssMb": "many"}}',
        '{"performance": {"breakdown": null}}',
    ],
)
async def test_of_another_product_whose_health_is_like_ours_nothing_is_known(health: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=health))
    async with httpx.AsyncClient(transport=transport) as http:
        assert await Watch(http, "http://127.0.0.1").ask() == NOTHING_KNOWN


@pytest.mark.parametrize(
    ("name", "most", "broken"),
    [("answer_p95", 290.0, False), ("answer_p95", 289.9, True), ("gaps", 0, True), ("lag_p95", 2.0, False)],
)
def test_thresholds(name: str, most: float, broken: bool) -> None:
    assert bool(Threshold(name, most).broken(document(placed(100.0, 200.0, 300.0, gaps=1)))) is broken


def test_what_was_not_measured_does_not_hold() -> None:
    assert (
        Threshold("answer_p95", 1e9).broken(document(placed(None)))
        == "answer_p95 is unknown, more than 1e+09"
    )


def test_worse_is_what_grew_by_more_than_chance() -> None:
    before = document(placed(300.0, 300.0))
    assert worse(document(placed(325.0, 325.0)), before) == []
    (told,) = worse(document(placed(340.0, 340.0)), before)[:1]
    assert told.startswith("answer_p50 was 300 on ")
    assert worse(document(placed(300.0), placed(None, gaps=1)), before) != []


def test_recommendations_name_what_is_busy() -> None:
    assert recommendations(document(placed(100.0))) == []
    slow, busy, callers = (
        document(placed(900.0)),
        document(placed(100.0), cpu_s=9.0),
        document(placed(100.0), client_cpu_s=8.0),
    )
    assert "most of it in ai (200 ms a turn)" in recommendations(slow)[0]
    assert "WEB_CONCURRENCY" in recommendations(busy)[0]
    assert "another machine" in recommendations(callers)[0]


def test_several_workers_are_busy_when_each_of_them_is() -> None:
    assert recommendations(document(placed(100.0), cpu_s=15.0, workers=2)) == []
    (busy,) = recommendations(document(placed(100.0), cpu_s=18.0, workers=2))
    assert busy.startswith(
        "Each of the 2 workers has used 90% of a core: raise WEB_CONCURRENCY, or stay below 3 calls"
    )
    health = {"process": {"cpuSeconds": 1.0}, "workers": [{"process": 1}, {"process": 2}]}
    assert (Vitals.of(health).workers, Vitals.of({}).workers) == (2, 1)
    assert (Vitals.of(health).processes, Vitals.of({}).processes) == (frozenset({1, 2}), frozenset())


def test_earlier_runs_of_the_same_are_found(tmp_path: Path) -> None:
    now = document(placed(100.0)) | {"at": "2026-01-03T00:00:00+00:00"}
    for day, target in (("01", "echo"), ("02", "clinic"), ("02", "echo")):
        keep(tmp_path / target, now | {"at": f"2026-01-{day}T00:00:00+00:00", "target": target})
    (tmp_path / "echo" / "load" / "torn.json").write_text("{")
    (tmp_path / "echo" / "load" / "list.json").write_text("[1]")
    assert [run["at"][:10] for run in earlier(tmp_path / "echo", now)] == ["2026-01-01", "2026-01-02"]
    assert earlier(tmp_path / "clinic", now) == []


@pytest.mark.parametrize("other", [{"language": "de"}, {"steps": "evening"}, {"concurrency": 5}])
def test_a_run_in_which_callers_did_something_else_is_not_compared(tmp_path: Path, other: Document) -> None:
    now = document(placed(100.0)) | {"at": "2026-01-03T00:00:00+00:00"}
    keep(tmp_path, now | {"at": "2026-01-01T00:00:00+00:00"} | other)
    assert earlier(tmp_path, now) == []


def test_nobody_else_reads_what_is_kept(tmp_path: Path) -> None:
    assert keep(tmp_path, document(placed(100.0))).stat().st_mode & 0o777 == 0o600


def test_what_an_earlier_version_did_not_keep_is_not_compared() -> None:
    before = document(placed(300.0))
    del before["gaps"], before["answer_ms"], before["server"]["us_per_frame"]
    assert worse(document(placed(900.0, gaps=1), rss_mb=200.0), before) == [
        f"mb_per_call was 2.5 on {before['at']}, now 25"
    ]
    assert "900 ms" in page(document(placed(900.0)), [], [before])


def test_the_page_stands_alone() -> None:
    found = document(placed(100.0, 300.0), placed(None)) | {"target": "<echo>", "broken": ["a < b"]}
    text = page(found, [(0.5, 100.0), (1.5, 300.0)], [document(placed(90.0))])
    assert "<echo>" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    for part in text.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + part.partition("</svg>")[0] + "</svg>")
    assert text.count("<svg") == 5


def test_stages_and_waits_are_those_of_the_journals() -> None:
    turns = [{"endpoint": [0.0, at], "decide": [at, at + 2]} for at in (100.0, 200.0, 300.0)]
    found = document(explained(*turns), placed(400.0))
    assert list(found["stages_ms"]) == ["endpoint", "decide"]
    assert found["stages_ms"]["endpoint"]["p50"] == 200.0
    assert found["stages_ms"]["decide"]["max"] == 2.0
    assert (found["overhead_ms"]["p99"], found["turns"]) == (1.5, 4)
    assert "most of it in endpoint (200 ms a turn)" in recommendations(found)[0]
    assert Threshold("overhead_p99", 1.0).broken(found) == "overhead_p99 is 1.5, more than 1"


def test_a_stage_that_one_turn_in_twenty_has_is_not_most_of_all_turns() -> None:
    usual = {"endpoint": [0.0, 300.0], "speech_first_byte": [300.0, 350.0]}
    slow = {"endpoint": [0.0, 300.0], "service": [300.0, 1200.0]}
    found = document(explained(*[usual] * 19, slow))
    assert found["waited_ms"] == {"endpoint": 300.0, "speech_first_byte": 47.5, "service": 45.0}
    assert "most of it in endpoint (300 ms a turn)" in recommendations(found)[0]


@pytest.mark.parametrize(
    "after",
    [Vitals(9.0, 100.0, 1.0, {}, 2, frozenset({1, 3})), Vitals(0.5, 100.0, 1.0, {}, 2, frozenset({1, 2}))],
)
def test_what_a_server_cost_is_unknown_where_a_worker_ended_meanwhile(after: Vitals) -> None:
    before = Vitals(8.0, 100.0, 1.0, {}, 2, frozenset({1, 2}))
    run = Run(ASKED, ManualClock().wall(), [placed(100.0)], 10.0, 0.1, None, before, after, after)
    server = run.document()["server"]
    assert (server["cpu_share"], server["us_per_frame"], server["mb_per_call"]) == (None, None, None)
    assert recommendations(run.document()) == []


def test_the_page_shows_stages_and_the_course_of_the_run() -> None:
    found = document(explained({"endpoint": [0.0, 100.0], "<decide>": [100.0, 102.0]}))
    course = [(at, Vitals(at / 4, 100 + at, 1.0, {})) for at in (0.0, 2.0, 4.0)]
    text = page(found, [(0.5, 400.0)], [], course)
    assert "<decide>" not in text
    assert "100, 100 ms" in text
    assert text.count("<polyline") == 3
    assert "0.25 " in text
    for part in text.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + part.partition("</svg>")[0] + "</svg>")


def test_a_server_that_says_nothing_of_itself_has_no_course() -> None:
    assert "<polyline" not in page(
        document(placed(100.0)), [], [], [(0.0, Vitals.of({})), (2.0, Vitals.of({}))]
    )

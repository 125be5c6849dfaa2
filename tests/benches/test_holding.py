from __future__ import annotations

import sys
from asyncio.subprocess import create_subprocess_exec
from dataclasses import replace
from datetime import timedelta

import pytest

from app.clock import ManualClock
from app.load.calls import Placed
from scripts.benches.capacity import Run, share_of
from scripts.benches.holding import MIB, Held, Moment, Span
from scripts.benches.report import Report
from scripts.benches.server import Resources, tree
from tests.load.test_judgement import placed

WALL = ManualClock().wall()


def moment(at: float, server_cpu_s: float = 0.0, rss_mib: int = 100, callers_cpu_s: float = 0.0) -> Moment:
    wall, loop_cpu_s = WALL + timedelta(seconds=at), server_cpu_s / 2
    return Moment(at, wall, server_cpu_s, loop_cpu_s, rss_mib * MIB, callers_cpu_s)


def held(*calls: Placed, overheads_ms: tuple[float, ...] = ()) -> Held:
    """Two calls, measured from second 10 to second 20; the turns of `placed` are at 0.5 s, 1.5 s, …"""
    idle, busy = Span(moment(0), moment(2)), Span(moment(10, 1.0, 110), moment(20, 1.5, 120, 0.2))
    for call in calls:
        call.report.began_at = WALL + timedelta(seconds=10)
    return Held(2, idle, busy, Span(moment(2), moment(25, 2.0)), 1.0, 0.5, calls, overheads_ms)


def test_costs_are_those_of_the_time_when_all_calls_were_there() -> None:
    found = held(placed(100.0), placed(300.0), overheads_ms=(1.0, 3.0)).as_json()
    # 2 calls of 50 frames a second for 10 s, and half a second of CPU time
    assert (found["us_per_frame"], found["loop_us_per_frame"]) == (500.0, 250.0)
    assert found["callers_us_per_frame"] == 200.0
    assert (found["cpu_share"], found["callers_cpu_share"]) == (0.05, 0.02)
    assert found["mb_per_call"] == 10.0
    # 2 s of CPU time in all, of which 1,000 frames took half a second
    assert found["ms_to_come_and_go"] == 750.0
    assert (found["answer_p50_ms"], found["overhead_p50_ms"]) == (200.0, 2.0)


def test_answers_count_that_fell_due_while_all_calls_were_there() -> None:
    early = placed(999.0)
    found = held(placed(*[100.0] * 12), early)
    early.report.began_at = WALL
    assert found.waits_ms == [100.0] * 10


@pytest.mark.parametrize(
    ("call", "sound"),
    [(placed(100.0), True), (placed(100.0, None), False), (placed(100.0, gaps=1), False), (placed(), False)],
)
def test_what_a_caller_notices_is_not_sound(call: Placed, sound: bool) -> None:
    assert held(call).sound is sound


def test_a_call_that_the_server_ended_or_that_broke_the_protocol_is_a_fault() -> None:
    cut, broken, refused = placed(100.0), placed(100.0), placed(100.0)
    cut.report.ended = "server_hung_up"
    broken.report.protocol_errors = ["31951 no JSON"]
    refused.report.cannot_run = "nobody answers"
    found = held(cut, broken, refused)
    assert found.faults == ["the call ended as server_hung_up", "31951 no JSON", "nobody answers"]
    assert not found.sound


@pytest.mark.parametrize(("ms", "holds"), [(120.0, True), (121.0, False)])
def test_calls_are_held_where_answers_come_almost_as_soon_as_for_one(ms: float, holds: bool) -> None:
    run = Run({1: replace(held(placed(100.0)), calls=1), 50: held(placed(ms))})
    assert run.verdicts == {1: True, 50: holds}
    assert run.most == (50 if holds else 1)


@pytest.mark.parametrize(("callers_cpu_s", "more"), [(8.0, False), (9.0, True)])
def test_where_callers_are_busy_the_server_may_hold_more(callers_cpu_s: float, more: bool) -> None:
    late = replace(held(placed(121.0)), busy=Span(moment(10), moment(20, 1.0, callers_cpu_s=callers_cpu_s)))
    run = Run({1: held(placed(100.0)), 50: late})
    assert (run.most, run.may_hold_more) == (1, more)


def test_a_share_of_what_may_be_more_is_told_as_such() -> None:
    report = Report("capacity", {})
    report.figures |= {
        "relay": {"most_by_run": [350, 350]},
        "bare": {"most_by_run": [500, 400], "may_hold_more_by_run": [True, False]},
    }
    assert share_of(report, "bare") == (0.7875, "at most 70%, 88%")


def test_what_was_asked_for_is_measured_before_anything_is_searched() -> None:
    sound = held(placed(100.0))
    assert Run({1: sound}).next_calls([1, 10, 200], search=True) == 10
    assert Run({1: sound, 10: sound, 200: sound}).next_calls([1, 10, 200], search=True) == 250
    assert Run({1: sound, 10: sound, 200: sound}).next_calls([1, 10, 200], search=False) is None


def test_a_process_that_ends_while_it_is_looked_at_has_nothing_below_it() -> None:
    nobody = 1 << 22  # beyond the highest number there is (proc(5), pid_max)
    assert list(tree(nobody + 1)) == [nobody + 1]


@pytest.mark.real_time
async def test_a_process_is_counted_with_all_below_it() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'], stdin=0)"
    ready = f"print('there', flush=True); {child}"
    process = await create_subprocess_exec(sys.executable, "-c", ready, stdin=-1, stdout=-1)
    assert process.stdout
    await process.stdout.readline()
    found = [process.pid]
    while len(found) < 2:
        found = list(tree(process.pid))
    assert found[0] == process.pid
    assert all(Resources.of(pid).rss_bytes > 0 for pid in found)
    await process.communicate(b"\n")

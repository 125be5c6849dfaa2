"""Many calls on one core: the server with scripted speech and embedded voice detection, the callers on another."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from scripts.benches.calls import ECHO_SERVER, TEXTS, echo_plan, place_all
from scripts.benches.figures import Summary
from scripts.benches.growth import Growth
from scripts.benches.placing import Run, State, Watch, describe_log, describe_server, place, settled
from scripts.benches.report import Report
from scripts.benches.server import ServerProcess, serving
from scripts.benches.voices import spoken

TURNS = 3
WARM_CALLS = 50
OVERHEAD_P50_MS, OVERHEAD_P99_MS = 2.0, 15.0


async def measure(at_once: int, total: int, seed: int) -> Report:
    """Place `total` calls, `at_once` at a time."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    report = Report("load", {"at_once": at_once, "total": total, "turns a call": TURNS, "seed": seed})
    acts = list((await spoken(TEXTS)).values())
    with tempfile.TemporaryDirectory() as directory:
        async with serving(Path(directory), ECHO_SERVER, core=cores[0]) as server:
            await place_all([echo_plan(server.url, acts[:1])], 1)
            before = await State.of(server)
            growth, random = Growth(WARM_CALLS, {0: before.resources.rss_bytes}), Random(seed)
            plans = [echo_plan(server.url, random.sample(acts, TURNS)) for _ in range(total)]
            run = await place(plans, at_once, Watch(server, growth))
            after = await settled(server, before)
            _describe_calls(report, server, run)
            describe_server(report, before, after, run)
            growth.describe(report)
            describe_log(report, server.log)
    return report


def _describe_calls(report: Report, server: ServerProcess, run: Run) -> None:
    reports = [call.report for call in run.placed]
    journals = [server.events(found.call_sid) for found in reports]
    streams = [event for events in journals for event in events if event["event"] == "stream_ended"]
    sent, received = sum(found.frames for found in reports), sum(stream["frames"] for stream in streams)
    turns = [turn for found in reports for turn in found.turns]
    answers = Summary.of([turn.any_audio_ms for turn in turns if turn.any_audio_ms is not None])
    counts = {
        "calls": len(reports),
        "turns": len(turns),
        "turns not answered": len(turns) - answers.count,
        "gaps inside utterances": sum(len(found.gaps) for found in reports),
        "protocol errors": sum(len(found.protocol_errors) for found in reports),
        "errors in journals": sum(event["event"] == "error" for events in journals for event in events),
        "journals not closed once": sum(
            [event["event"] for event in events].count("call_ended") != 1 for events in journals
        ),
        "frames sent": sent,
        "frames lost": sent - received,
    }
    repaired = sum((Counter(stream["repaired"]) for stream in streams), Counter())
    report.figures |= {"counts": counts, "repaired": dict(repaired), "answer_ms": answers.as_json()}
    report.lines += [f"{what:<28}{number:8}" for what, number in counts.items()]
    report.lines.append(f"{'answer by ear, p50 / p95':<28}{answers.p50:8.0f} / {answers.p95:.0f} ms")
    _describe_overhead(report, [event for events in journals for event in events if event["event"] == "turn"])
    for what in ("gaps inside utterances", "protocol errors", "frames lost", "turns not answered"):
        report.promise(f"{what}: {counts[what]}", counts[what] == 0)
    report.promise("every journal is closed once", counts["journals not closed once"] == 0)


def _describe_overhead(report: Report, turns: Sequence[dict[str, Any]]) -> None:
    """The measured waits that are the relay's own."""
    overhead = Summary.of([turn["timeline"]["overhead_ms"] for turn in turns])
    report.figures["overhead_ms"] = overhead.as_json()
    for share, found, most in (
        ("p50", overhead.p50, OVERHEAD_P50_MS),
        ("p99", overhead.p99, OVERHEAD_P99_MS),
    ):
        report.promise(f"overhead a turn {share}: {found:g} ms, at most {most:g}", found <= most)

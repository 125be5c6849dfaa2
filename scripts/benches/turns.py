"""Where the time of a turn goes: stages from the journal, and the answer by the caller's ear from the true t0."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from random import Random
from typing import Any

from app.simulator.call import CallPlan
from app.simulator.caller import Patience, Speak
from app.simulator.line import LineModel
from app.simulator.turns import Turn
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from scripts.benches import plain_silence
from scripts.benches.calls import Placed, place_all, progress
from scripts.benches.figures import Summary
from scripts.benches.report import Report
from scripts.benches.server import CALLRELAY, ServerProcess, serving
from scripts.benches.voices import spoken

OVERHEAD_MOST_MS = 10.0
ECHOED = (
    "Good morning.",
    "I would like to make an appointment.",
    "Yes, please.",
    "Can I come on Thursday afternoon?",
    "My number is five five five, one two three.",
    "No, thank you.",
    "What does it cost?",
    "It is about my last bill.",
    "Could you say that again?",
    "Tomorrow at half past nine.",
    "I have lost my card.",
    "That's all.",
)
ASKED = ("Where are you?", "What are your opening hours?", "Goodbye.")
ECHO_TURNS = 6
GREETING_EVERY = 5  # calls
LEVELS_DB = (-12.0, 6.0)
NOISE_DBM0 = (-65.0, -50.0)
PAUSES_MS = (300.0, 1500.0)


@dataclass(frozen=True, slots=True)
class Answered:
    """A turn as both sides saw it: milliseconds from the true t0 by ear, and the server's timeline."""

    ear_ms: float
    timeline: dict[str, Any]


async def measure(count: int, at_once: int, seed: int, plain_silence_ms: float | None) -> Report:
    """Hold at least `count` turns; with `plain_silence_ms`, each ends by that silence and nothing else."""
    parameters: dict[str, Any] = {"turns": count, "at_once": at_once, "seed": seed}
    command = [*CALLRELAY, "serve"]
    if plain_silence_ms is not None:
        parameters["plain_silence_ms"] = plain_silence_ms
        command = [sys.executable, "-m", plain_silence.__name__, str(plain_silence_ms)]
    report = Report("turns", parameters)
    acts = await spoken([*ECHOED, *ASKED])
    with tempfile.TemporaryDirectory() as directory:
        async with serving(Path(directory), {"SPEECH_CHAIN": "embedded"}, command=command) as server:
            plans = list(_plans(server.url, acts, count, Random(seed)))
            placed = await place_all(plans, at_once, progress(len(plans), 5))
            turns = [turn for call in placed for turn in _turns(server, call)]
    _describe(report, placed, turns)
    return report


def _plans(url: str, acts: dict[str, Speak], count: int, random: Random) -> Iterator[CallPlan]:
    planned = number = 0
    while planned < count:
        greeting = number % GREETING_EVERY == GREETING_EVERY - 1
        texts: Sequence[str] = ASKED if greeting else random.sample(ECHOED, ECHO_TURNS)
        yield CallPlan(
            f"{url}/voice/incoming?flow={'greeting' if greeting else 'echo'}",
            Signer(Route(url)),
            [acts[text] for text in texts],
            CallIdentity(call_sid=new_sid("CA")),
            line=LineModel(random.uniform(*LEVELS_DB), random.uniform(*NOISE_DBM0), seed=number),
            patience=Patience(pause_ms=random.uniform(*PAUSES_MS)),
            record=False,
        )
        planned, number = planned + len(texts), number + 1


def _turns(server: ServerProcess, call: Placed) -> Iterator[tuple[Turn, list[dict[str, Any]]]]:
    """Each turn of the caller's with the timelines that fall into it."""
    timed = [event for event in server.events(call.report.call_sid) if event["event"] == "turn"]
    begins = [*(turn.began_s for turn in call.report.turns), inf]
    for turn, (begin, end) in zip(call.report.turns, pairwise(begins), strict=True):
        yield turn, [event["timeline"] for event in timed if begin <= event["ms"] / 1000 < end]


def _describe(
    report: Report, placed: Sequence[Placed], turns: Sequence[tuple[Turn, list[dict[str, Any]]]]
) -> None:
    answered = [
        Answered(turn.any_audio_ms, timelines[-1])
        for turn, timelines in turns
        if turn.any_audio_ms is not None and turn.any_audio_ms > 0 and len(timelines) == 1
    ]
    counts = {
        "turns": len(turns),
        "measured": len(answered),
        "cut into by the agent": sum(
            turn.any_audio_ms is not None and turn.any_audio_ms <= 0 for turn, _ in turns
        ),
        "answered in parts": sum(len(timelines) > 1 for _, timelines in turns),
        "not answered": sum(turn.any_audio_ms is None for turn, _ in turns),
        "gaps": sum(len(call.report.gaps) for call in placed),
        "protocol errors": sum(len(call.report.protocol_errors) for call in placed),
    }
    summaries = {name: Summary.of(values) for name, values in _samples(answered).items()}
    report.figures = {"counts": counts, "ms": {name: found.as_json() for name, found in summaries.items()}}
    report.lines += [f"{what:<24}{number:6}" for what, number in counts.items()]
    report.table(
        ["milliseconds", "n", "p50", "95 % of it", "p95", "p99", "max"],
        [
            [name, s.count, s.p50, f"{s.p50_low:.1f}–{s.p50_high:.1f}", s.p95, s.p99, s.max]
            for name, s in summaries.items()
        ],
    )
    overhead = summaries["overhead"].p99
    report.promise(
        f"overhead p99 {overhead:.1f} ms ≤ {OVERHEAD_MOST_MS:.0f} ms", overhead <= OVERHEAD_MOST_MS
    )
    report.promise("no gap, no protocol error", not counts["gaps"] and not counts["protocol errors"])


def _samples(answered: Sequence[Answered]) -> dict[str, list[float]]:
    """Every figure by name, in the order in which things happen in a turn."""
    samples: dict[str, list[float]] = {}
    for turn in answered:
        timeline = turn.timeline
        for name, (start, end) in timeline["stages"].items():
            samples.setdefault(name, []).append(end - start)
        for name, ms in timeline["waits"].items():
            samples.setdefault(f"wait: {name}", []).append(ms)
    samples["overhead"] = [turn.timeline["overhead_ms"] for turn in answered]
    samples["answer, by the server"] = [turn.timeline["answer_ms"] for turn in answered]
    samples["answer, by ear from true t0"] = [turn.ear_ms for turn in answered]
    samples["by ear later than by server"] = [turn.ear_ms - turn.timeline["answer_ms"] for turn in answered]
    return samples

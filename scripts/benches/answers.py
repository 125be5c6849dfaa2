"""How long callers wait for fixed words, and how often they are cut off: the whole stack, in real time.

Half of the turns are said as they are, half with a pause of 300 to 900 ms between two words. Times are by the
caller's ear from the true end of speech. A turn is premature when it was taken back: the caller went on within half a
second of its end. It is answered early when an answer began before the caller's end, however right it is; then the last
answer counts, by the server's own account of when the words that it answers ended.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from app.simulator.call import CallPlan
from app.simulator.caller import Patience, Speak
from app.simulator.line import LineModel
from app.simulator.recording import load_recording
from app.simulator.utterance import Utterance
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from scripts.benches.calls import Placed, place_all, progress
from scripts.benches.figures import Summary
from scripts.benches.questions import (
    SAID,
    flows,
    paused_between_words,
    paused_somewhere,
    random_pause_ms,
    said,
)
from scripts.benches.recognition import samples
from scripts.benches.report import Report
from scripts.benches.server import ServerProcess, serving
from scripts.benches.voices import spoken

TURNS_A_CALL = 6
# people who answer the open question: one kind among the others
RECORDED, FREE_WORDS = "recorded", "words"
LEVELS_DB = (-12.0, 6.0)
NOISE_DBM0 = (-65.0, -50.0)
P50_MOST_MS, P95_MOST_MS, COMPLETE_P95_MOST_MS = 220.0, 900.0, 300.0
# percent; half of all turns have a pause put into them
PREMATURE_MOST = {"as they are": 5.0, "all": 10.0}


@dataclass(slots=True)
class Answer:
    """One turn: `ms` from the true end of speech to the answer, None if none came."""

    kind: str
    with_pause: bool
    ms: float | None
    premature: bool
    early: bool
    complete: bool


@dataclass(slots=True)
class Case:
    """A call about one kind of question."""

    kind: str
    acts: list[Speak] = field(default_factory=list)
    with_pause: list[bool] = field(default_factory=list)


async def measure(count: int, at_once: int, seed: int, recordings: Path | None) -> Report:
    """Hold at least `count` turns, half of them with a pause; with English `recordings`, as many from people."""
    recorded = (
        [load_recording(one.path) for one in samples(recordings) if one.language == "en"]
        if recordings
        else []
    )
    options = {"turns": count, "at_once": at_once, "seed": seed, "recordings": len(recorded)}
    report = Report("answers", options)
    acts = await spoken(said())
    cases = list(_cases(acts, recorded, count, Random(seed)))
    with tempfile.TemporaryDirectory() as directory:
        questions = Path(directory) / "flows"
        questions.mkdir()
        for name, text in flows().items():
            (questions / name).write_text(text, "utf-8")
        variables = {
            "SPEECH_CHAIN": "embedded",
            "FLOWS_DIR": str(questions),
            "DEFAULT_FLOW": next(iter(SAID)),
        }
        async with serving(Path(directory), variables) as server:
            plans = {
                plan.identity.call_sid: (plan, case) for plan, case in _plans(server.url, cases, Random(seed))
            }
            placed = await place_all([plan for plan, _ in plans.values()], at_once, progress(len(plans), 10))
            answers = [
                answer
                for call in placed
                for answer in _answers(server, call, plans[call.plan.identity.call_sid][1])
            ]
    _describe(report, placed, answers)
    return report


def _cases(
    acts: Mapping[str, Speak], recorded: Sequence[bytes], count: int, random: Random
) -> Iterator[Case]:
    kinds, made = [*SAID, *([RECORDED] if recorded else [])], 0
    while made < count:
        case = Case(kinds[made // TURNS_A_CALL % len(kinds)])
        made += TURNS_A_CALL
        if case.kind == RECORDED:
            _add_recordings(case, recorded, random)
            yield case
            continue
        for number in range(TURNS_A_CALL):
            text = random.choice(SAID[case.kind])
            with_pause = number % 2 == 1 and len(text.split()) > 1
            audio = paused_between_words(acts, text, random) if with_pause else acts[text].utterance.audio
            case.acts.append(Speak(Utterance.of(audio), {"text": text}))
            case.with_pause.append(with_pause)
        yield case


def _add_recordings(case: Case, recorded: Sequence[bytes], random: Random) -> None:
    for number, audio in enumerate(random.sample(recorded, TURNS_A_CALL)):
        with_pause = number % 2 == 1
        heard = paused_somewhere(audio, random_pause_ms(random), random) if with_pause else audio
        case.acts.append(Speak(Utterance.of(heard), {"text": RECORDED}))
        case.with_pause.append(with_pause)


def _plans(url: str, cases: Sequence[Case], random: Random) -> Iterator[tuple[CallPlan, Case]]:
    for number, case in enumerate(cases):
        yield (
            CallPlan(
                f"{url}/voice/incoming?flow={FREE_WORDS if case.kind == RECORDED else case.kind}",
                Signer(Route(url)),
                case.acts,
                CallIdentity(call_sid=new_sid("CA")),
                line=LineModel(random.uniform(*LEVELS_DB), random.uniform(*NOISE_DBM0), seed=number),
                patience=Patience(pause_ms=random.uniform(600, 1200)),
                record=False,
            ),
            case,
        )


def _answers(server: ServerProcess, call: Placed, case: Case) -> Iterator[Answer]:
    record = server.events(call.report.call_sid)
    turns = call.report.turns
    begins = [*(turn.began_s for turn in turns), inf]
    for turn, with_pause, (begin, end) in zip(turns, case.with_pause, pairwise(begins), strict=False):
        mine = [event for event in record if begin <= event["ms"] / 1000 < end]
        timelines = [event["timeline"] for event in mine if event["event"] == "turn"]
        early = is_early(mine, turn.t0_s or begin)
        yield Answer(
            case.kind,
            with_pause,
            _answer_ms(turn.any_audio_ms, timelines, early),
            any(event["event"] == "taken_back" for event in mine),
            early,
            _complete(timelines),
        )


def is_early(record: Sequence[Mapping[str, Any]], t0_s: float) -> bool:
    """Whether a turn that ended at `t0_s`, and has this record, was answered twice, before its end, or not for good.

    "Yes" … "please" whose answer begins in between is one, though the answer is right and stands.
    """
    names = [event["event"] for event in record]
    begun = any(event["event"] == "said" and event["ms"] / 1000 < t0_s for event in record)
    return begun or names.count("turn") > 1 or "taken_back" in names


def _answer_ms(by_ear: float | None, timelines: Sequence[dict[str, Any]], early: bool) -> float | None:
    """By ear, unless the agent had cut in: then by the server's own account of its last answer."""
    if not early and by_ear is not None and by_ear > 0:
        return by_ear
    return timelines[-1]["answer_ms"] if timelines else None


def _complete(timelines: Sequence[dict[str, Any]]) -> bool:
    return bool(timelines) and timelines[-1].get("complete") is True


def _describe(report: Report, placed: Sequence[Placed], answers: Sequence[Answer]) -> None:
    answered = [answer for answer in answers if answer.ms is not None]
    groups = {
        "all": answered,
        "as they are": [answer for answer in answered if not answer.with_pause],
        "with a pause": [answer for answer in answered if answer.with_pause],
        "complete by the grammar": [answer for answer in answered if answer.complete],
    }
    summaries = {
        name: Summary.of([answer.ms or 0.0 for answer in group]) for name, group in groups.items() if group
    }
    premature = {name: _shares(group)[0] for name, group in groups.items() if group}
    early = {name: _shares(group)[1] for name, group in groups.items() if group}
    gaps = sum(len(call.report.gaps) for call in placed)
    report.figures = {
        "ms": {name: found.as_json() for name, found in summaries.items()},
        "premature_percent": {name: round(share, 2) for name, share in premature.items()},
        "early_percent": {name: round(share, 2) for name, share in early.items()},
        "unanswered": len(answers) - len(answered),
        "gaps": gaps,
        "kinds": {kind: _kind(answered, kind) for kind in (*SAID, RECORDED)},
    }
    report.table(
        [
            "answer, ms from true t0",
            "turns",
            "p50",
            "95 % of it",
            "p95",
            "max",
            "premature %",
            "early %",
        ],
        [
            [name, s.count, s.p50, _interval(s), s.p95, s.max, premature[name], early[name]]
            for name, s in summaries.items()
        ],
    )
    report.table(
        ["kind", "turns", "p50", "premature %", "early %"],
        [[kind, *_kind(answered, kind)] for kind in (*SAID, RECORDED)],
    )
    whole = summaries["all"]
    report.promise(f"p50 {whole.p50:.0f} ms ≤ {P50_MOST_MS:.0f} ms", whole.p50 <= P50_MOST_MS)
    report.promise(f"p95 {whole.p95:.0f} ms ≤ {P95_MOST_MS:.0f} ms", whole.p95 <= P95_MOST_MS)
    for name in [one for one in PREMATURE_MOST if one in premature]:
        share, most = premature[name], PREMATURE_MOST[name]
        report.promise(f"premature, {name}: {share:.1f} % ≤ {most:g} %", share <= most)
    if complete := summaries.get("complete by the grammar"):
        report.promise(
            f"complete turns' p95 {complete.p95:.0f} ms ≤ {COMPLETE_P95_MOST_MS:.0f} ms",
            complete.p95 <= COMPLETE_P95_MOST_MS,
        )
    report.promise(
        f"every turn answered ({len(answers) - len(answered)} were not), no gap ({gaps})",
        len(answers) == len(answered) and not gaps,
    )


def _interval(summary: Summary) -> str:
    return f"{summary.p50_low:.0f}–{summary.p50_high:.0f}"


def _kind(answers: Sequence[Answer], kind: str) -> tuple[int, float, float, float]:
    mine = [answer for answer in answers if answer.kind == kind]
    if not mine:
        return 0, 0.0, 0.0, 0.0
    return len(mine), median(answer.ms or 0.0 for answer in mine), *_shares(mine)


def _shares(answers: Sequence[Answer]) -> tuple[float, float]:
    """How many of a hundred were premature, and how many were answered early."""
    premature = sum(answer.premature for answer in answers)
    early = sum(answer.early for answer in answers)
    return 100 * premature / len(answers), 100 * early / len(answers)

"""How well the whole stack hears: recordings played into the echo flow, the journal's words against the transcripts."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.simulator.call import CallPlan
from app.simulator.caller import Patience, Speak
from app.simulator.line import LineModel
from app.simulator.recording import load_recording
from app.simulator.steps import StaySilent
from app.simulator.utterance import Utterance
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from scripts.benches.calls import place_all, progress
from scripts.benches.report import Report
from scripts.benches.server import ServerProcess, serving
from scripts.benches.words import error_rate, normalised

ENGLISH_MOST = 0.08
NOISE_DBM0 = -55.0
WORST_SHOWN = 10
# The answer repeats the recording: its beginning is enough. What was cut into comes to its end in the silence.
PATIENCE = Patience(monologue_s=1.5)
SETTLING = StaySilent(2.5)


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording and what is said in it."""

    path: Path
    transcript: str
    language: str


@dataclass(frozen=True, slots=True)
class Result:
    """What the server heard of a sample."""

    sample: Sample
    heard: str
    utterances: int

    @property
    def error_rate(self) -> float:
        pair = (self.sample.transcript, self.heard)
        return error_rate([pair], self.sample.language) or 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.sample.path.name,
            "language": self.sample.language,
            "reference": normalised(self.sample.transcript, self.sample.language),
            "heard": normalised(self.heard, self.sample.language),
            "utterances": self.utterances,
            "wer": round(self.error_rate, 3),
        }


def samples(directory: Path) -> list[Sample]:
    """What transcripts.tsv lists and the directory holds. Raises click.UsageError where there is no such list."""
    listing = directory / "transcripts.tsv"
    if not listing.is_file():
        raise click.UsageError(f"{listing} is missing: a table with the columns file, transcript, language")
    with listing.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [Sample(directory / row["file"], row["transcript"], row["language"]) for row in rows]
    return [sample for sample in found if sample.path.is_file()]


async def measure(found: Sequence[Sample], at_once: int, noise: bool) -> Report:
    """Play everything, and once more over a noisy line where asked to."""
    report = Report("recognition", {"recordings": len(found), "at_once": at_once, "noise": noise})
    lines = {"clean": LineModel()}
    if noise:
        lines["noise"] = LineModel(noise_dbm0=NOISE_DBM0)
    with tempfile.TemporaryDirectory() as directory:
        async with serving(Path(directory), {"SPEECH_CHAIN": "embedded"}) as server:
            heard = {name: await _played(server, found, line, at_once) for name, line in lines.items()}
    _rates(report, heard)
    _worst(report, heard)
    english = report.figures["wer"]["clean"].get("en")
    if english is not None:
        report.promise(
            f"English: word error rate {english:.1%} ≤ {ENGLISH_MOST:.0%}", english <= ENGLISH_MOST
        )
    return report


async def _played(
    server: ServerProcess, found: Sequence[Sample], line: LineModel, at_once: int
) -> list[Result]:
    plans = [_plan(server.url, sample, line) for sample in found]
    await place_all(plans, at_once, progress(len(plans), 10))
    return [_result(server, sample, plan) for sample, plan in zip(found, plans, strict=True)]


def _plan(url: str, sample: Sample, line: LineModel) -> CallPlan:
    utterance = Utterance.of(load_recording(sample.path))
    return CallPlan(
        f"{url}/voice/incoming?flow=echo&language={sample.language}",
        Signer(Route(url)),
        [Speak(utterance, {"audio": sample.path.name}), SETTLING],
        CallIdentity(call_sid=new_sid("CA")),
        sample.language,
        line,
        patience=PATIENCE,
        record=False,
    )


def _result(server: ServerProcess, sample: Sample, plan: CallPlan) -> Result:
    texts = understood(server.events(plan.identity.call_sid))
    return Result(sample, " ".join(texts), len(texts))


def understood(events: Sequence[dict[str, Any]]) -> list[str]:
    """The caller's utterances. One that was taken back stands at the beginning of the next, and counts there."""
    texts: list[str] = []
    taken_back = False
    for event in events:
        taken_back = taken_back or event["event"] == "taken_back"
        if event["event"] == "utterance":
            if taken_back and texts and event["text"].startswith(texts[-1]):
                texts.pop()
            texts.append(event["text"])
            taken_back = False
    return texts


def _rates(report: Report, heard: dict[str, list[Result]]) -> None:
    languages = sorted({result.sample.language for results in heard.values() for result in results})
    rates = {
        name: {language: _rate(results, language) for language in languages}
        for name, results in heard.items()
    }
    report.figures["wer"] = {
        name: {language: round(rate, 4) for language, rate in by_language.items() if rate is not None}
        for name, by_language in rates.items()
    }
    rows = []
    for language in languages:
        own = [result for result in heard["clean"] if result.sample.language == language]
        words = sum(len(normalised(result.sample.transcript, language).split()) for result in own)
        rows.append([language, len(own), words, *(f"{rates[name][language]:.1%}" for name in heard)])
    report.table(["language", "files", "words", *(f"WER {name}" for name in heard)], rows)


def _rate(results: Sequence[Result], language: str) -> float | None:
    own = [result for result in results if result.sample.language == language]
    return error_rate([(result.sample.transcript, result.heard) for result in own], language)


def _worst(report: Report, heard: dict[str, list[Result]]) -> None:
    report.figures["files"] = {
        name: [result.as_json() for result in results] for name, results in heard.items()
    }
    for name, results in heard.items():
        wrong = sorted(
            (result for result in results if result.error_rate), key=lambda result: -result.error_rate
        )
        report.lines += ["", f"worst of {name}: {len(wrong)} of {len(results)} files have errors"]
        report.lines += [line for result in wrong[:WORST_SHOWN] for line in _shown(result)]


def _shown(result: Result) -> Iterator[str]:
    found = result.as_json()
    yield f"  {found['wer']:4.0%}  {found['file']}  ({found['utterances']} utterances)"
    yield f"        said   {found['reference']}"
    yield f"        heard  {found['heard']}"

"""How well flows understand what nothing was tuned on: held phrasings, written by somebody who knew the prompts only.

What is learned from, rules and thresholds alike, is another set: the phrasings for development. Each phrasing is put to
its question in the shipped flow, as text. It is understood, asked back ("Did you say …?"), not understood, or taken for
something else: a false action, which is what callers forgive least.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.call.meaning import nearness
from app.flow import Context, Flow, State, begin, build_library, resume, step, understood
from app.flow.effects import Effect, Event, SlotFilled, Understood
from app.flow.inputs import Heard
from app.flow.values import Json
from providers.base import SimilarityModel
from providers.local_similarity import EmbeddedSimilarity
from providers.local_workers import InferenceWorkers
from scripts.benches.report import Report
from scripts.benches.server import ROOT

PHRASINGS = ROOT / "tests" / "flow"
NOW: Final = datetime.fromisoformat("2026-11-13T10:00:00-05:00")
CALLER = "+14155550100"
FALSE_MOST = 0.01
NONE = "none"
YES: Final = {"en": "yes", "es": "sí"}
# where each question stands, and what is known when it is put
QUESTIONS: Final[Mapping[str, tuple[str, str, Mapping[str, Json]]]] = {
    "main_menu": ("clinic", "main_menu", {}),
    "ask_day": ("clinic", "ask_day", {}),
    "ask_time": ("clinic", "ask_time", {"day": "2026-11-17", "times": ["09:30", "11:00", "14:00"]}),
    "ask_dob": ("clinic", "ask_dob", {}),
    "check": (
        "clinic",
        "check",
        {"day": "2026-11-17", "time": "09:30", "times": ["09:30", "11:00", "14:00"], "dob": "1985-02-14"},
    ),
    "ask_callback": ("clinic", "ask_callback", {}),
    "more": ("clinic", "more", {}),
    "number": ("parcel", "ask_number", {}),
    "missed": ("parcel", "missed", {"number": "30405060"}),
    "hours": ("greeting", "menu", {}),
}
# what the shipped flows call it
SAME: Final = {"done": "goodbye", "address": "location", "this": CALLER}


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A row: the question, what is meant, what is said."""

    question: str
    meant: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of it. `outcome`: right, asked back, asked back wrongly, not understood, false."""

    phrasing: Phrasing
    outcome: str
    rung: str
    taken_for: str = ""


def phrasings(language: str, group: str) -> list[Phrasing]:
    """The rows of a language: `held`, or `dev` for development."""
    with (PHRASINGS / group / f"{language}.tsv").open(encoding="utf-8", newline="") as file:
        return [Phrasing(*row) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def variant(language: str, group: str) -> str:
    """What the figures are kept under: those of the phrasings held back are the ones that count."""
    return language if group == "held" else f"{language}-{group}"


async def measure(language: str, group: str, show: bool) -> Report:
    """Put every phrasing of a language to its question."""
    report = Report(
        "understanding", {"language": language, "phrasings": group}, variant=variant(language, group)
    )
    paths = sorted(path for path in (ROOT / "flows").rglob("*") if path.suffix in (".yaml", ".md"))
    flows = build_library({str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}, {}).flows
    workers = InferenceWorkers()
    try:
        model = EmbeddedSimilarity(workers)
        await model.warm_up()
        verdicts = [await _verdict(flows, one, language, model) for one in phrasings(language, group)]
    finally:
        await workers.aclose()
    _describe(report, verdicts, show)
    return report


async def _verdict(
    flows: Mapping[str, Flow], phrasing: Phrasing, language: str, model: SimilarityModel
) -> Verdict:
    name, node, slots = QUESTIONS[phrasing.question]
    flow = flows[name]
    state, _ = begin(flow, Context(NOW, CALLER, "+18005550199", language))
    state, _ = resume(flow, replace(state, node=node, phase="asking", slots=slots), NOW)
    heard = Heard(phrasing.text, language, 0.9, NOW)
    after, effects = step(flow, state, heard)
    if not understood((after, effects)):
        # a busy machine must not change what is understood: nothing here is too late
        similar = await nearness(phrasing.text, flow.samples(language), model)
        after, effects = step(flow, state, replace(heard, similar=similar))
    return _judged(phrasing, flow, heard, (after, effects))


def _judged(phrasing: Phrasing, flow: Flow, heard: Heard, stepped: tuple[State, Sequence[Effect]]) -> Verdict:
    """What was asked back is judged by what follows from a yes."""
    after, effects = stepped
    meant = SAME.get(phrasing.meant, phrasing.meant)
    if after.phase == "confirming" and after.pending and not _understood(effects):
        _, replied = step(flow, after, replace(heard, text=YES[heard.language], similar={}))
        asked = set(_taken(_understood(replied), replied))
        outcome = "asked back" if _is_meant(meant, asked) else "asked back wrongly"
        return Verdict(phrasing, outcome, str(after.pending["rung"]), _told(asked))
    understood = _understood(effects)
    if not understood:
        right = meant == NONE
        return Verdict(phrasing, "right" if right else "not understood", "none")
    taken = set(_taken(understood, effects))
    outcome = "right" if _is_meant(meant, taken) else "false"
    return Verdict(phrasing, outcome, understood[0].rung, _told(taken))


def _understood(effects: Sequence[Effect]) -> list[Understood]:
    """What was understood; a yes that is but the door to a choice behind it is that choice."""
    found = [one for one in effects if isinstance(one, Understood) and one.rung != "confirmation"]
    choices = [one for one in found if one.rung in ("choice", "sound", "similarity", "guess")]
    return found[1:] if len(choices) > 1 and found[0].intent == "yes" else found


def _taken(understood: Sequence[Understood], effects: Sequence[Effect]) -> Iterator[str]:
    for one in understood:
        yield one.intent
    for effect in effects:
        if isinstance(effect, SlotFilled) and effect.value is not None:
            yield from _names(effect.name, effect.value)
        elif isinstance(effect, Event) and effect.name == "rejected":
            yield "rejected"


def _names(slot: str, value: Json) -> set[str]:
    """What a row may call a value."""
    return {slot, str(value), f"{slot}={value}"}


def _told(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _is_meant(meant: str, taken: set[str]) -> bool:
    """A value that the flow then refuses (a closed day) was understood all the same."""
    return meant in taken or ("rejected" in taken and meant[:2] == "20")


def _describe(report: Report, verdicts: Sequence[Verdict], show: bool) -> None:
    inside = [one for one in verdicts if one.phrasing.meant != NONE]
    outside = [one for one in verdicts if one.phrasing.meant == NONE]
    outcomes = ("right", "asked back", "not understood", "asked back wrongly", "false")
    rows: dict[str, Sequence[Verdict]] = {"in scope": inside, "out of scope": outside}
    rows |= {
        question: [one for one in verdicts if one.phrasing.question == question] for question in QUESTIONS
    }
    report.table(
        ["", "phrasings", *outcomes],
        [
            [name, len(group), *(sum(one.outcome == outcome for one in group) for outcome in outcomes)]
            for name, group in rows.items()
            if group
        ],
    )
    rungs = Counter(one.rung for one in verdicts)
    by_rung = Counter((one.rung, one.outcome) for one in verdicts)
    report.table(
        ["rung", "phrasings", "share %", *outcomes, "error %"],
        [
            [
                rung,
                count,
                100 * count / len(verdicts),
                *(by_rung[rung, outcome] for outcome in outcomes),
                100 * by_rung[rung, "false"] / count,
            ]
            for rung, count in rungs.most_common()
        ],
    )
    false = sum(one.outcome == "false" for one in verdicts) / len(verdicts)
    report.figures = {
        "outcomes": {
            name: dict(Counter(one.outcome for one in group)) for name, group in rows.items() if group
        },
        "rungs": {
            rung: {outcome: by_rung[rung, outcome] for outcome in outcomes if by_rung[rung, outcome]}
            for rung in rungs
        },
        "false": round(false, 4),
    }
    if show:
        report.lines += ["", *(_line(one) for one in verdicts if one.outcome != "right")]
    report.promise(f"false action {false:.1%} ≤ 1 %", false <= FALSE_MOST)


def _line(one: Verdict) -> str:
    said = one.phrasing
    return f"{one.outcome:<19}{said.question:<13}{said.meant:<16}{one.taken_for:<24} {said.text}"

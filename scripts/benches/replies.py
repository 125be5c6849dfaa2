"""How long callers wait for a model's words, with and without replies that are begun early: in virtual time.

The whole relay, called by the simulator; only the services are scripted. Each word of the caller's is recognised 100
ms after its acoustic end, no sooner. A model's first token takes a log-normal time (median 375 ms, 95th percentile 750
ms), every other one 20 ms; the first speech of a text comes 100 ms after it. The network of the end-of-turn detector
says after 30 ms that the caller has finished, which is true: nobody pauses within a sentence here. Answers are timed by
the caller's ear from the true end of speech; "One moment." is none, and is said only in the rows that say so.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from app.call import speculation
from app.call.journal import path_of, read
from app.call.services import Speech
from app.clock import ManualClock, run_virtual
from app.dialogue import interim
from app.main import Relay
from app.ops.call_report import JournalEnrichment
from app.settings import Settings
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan, SimulatedCall
from app.simulator.caller import Patience, Speak
from app.simulator.ticker import Ticker, beating
from app.simulator.turns import CallReport, Turn
from app.simulator.utterance import Utterance
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from providers.base import ModelRequest, OutcomeChosen
from providers.scripted import ScriptedSynthesizer, ScriptedVoiceDetector, hum
from providers.scripted_model import Reply, ScriptedModel
from scripts.benches.figures import Summary
from scripts.benches.report import Report
from scripts.benches.word_by_word import Certain, Spoken, WordByWord

URL = "http://127.0.0.1:8000"
TURNS_A_CALL = 5
FIRST_TOKEN_P50_MS, FIRST_TOKEN_P95_MS, Z_95 = 375.0, 750.0, 1.6449
TOKEN_MS, SPEECH_MS, SPEECH_RATE = 20.0, 100.0, 4.0
SETTLED_MS = 300
# a late answer is acknowledged so long after the end of the turn
TARGET_MS, NEVER_MS = 300, 60_000
TOPICS = ("parking", "sundays", "breakfast", "wheelchairs")
# half of them begin with a clause that can be spoken by itself, half must wait for their fifth word
REPLIES = (
    "Certainly, we have room for everybody who comes by car.",
    "We do that every day of the week until noon.",
    "Of course, just tell us when you come.",
    "That is no trouble at all if you tell us before.",
)
FLOW = f"""\
flow: replies
format: 1
languages: [en]
start: top
intents:
{"".join(f"  {topic}: {{phrases: [I have a question about {topic}]}}" + chr(10) for topic in TOPICS)}
nodes:
  top:
    menu: How can I help?
    choices:
{"".join(f"      - {{intent: {topic}, goto: talk}}" + chr(10) for topic in TOPICS)}
  talk: {{llm: Answer., outcomes: {{answered: top}}, failed: bye}}
  bye: {{hangup: Goodbye.}}
"""
LAST_WORD, SETTLED = "last word decides", f"settled {SETTLED_MS} ms before t0"
PROMISED_MS = {LAST_WORD: (700.0, 1100.0), SETTLED: (400.0, 750.0)}


async def unthreaded(work: object) -> bool:
    """For `Relay`'s `aside`."""
    return False  # flows do not change meanwhile, and threads do not fit into virtual time


@dataclass(frozen=True, slots=True)
class Manner:
    """How the relay goes about it: how many replies a turn may begin early, how many of them on interim words."""

    name: str
    early: int
    interim: int
    acknowledges: bool = False


WITHOUT = Manner("no speculation", 0, 0)
AT_SILENCE = Manner("from the first silence", speculation.BEGUN_AT_MOST, 0)
WITH = Manner("from interim words", speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST)
MANNERS = (WITHOUT, AT_SILENCE, WITH, Manner("the same, acknowledged", WITH.early, WITH.interim, True))


@dataclass(slots=True)
class Row:
    """What came of the turns of one kind and manner. `asked` counts the replies that were asked for, `wrong` the calls
    whose words were not taken as they were said."""

    answers_ms: list[float] = field(default_factory=list)
    any_ms: list[float] = field(default_factory=list)
    unanswered: int = 0
    premature: int = 0
    wrong: int = 0
    asked: int = 0
    gaps: int = 0

    def take(self, report: CallReport, folder: Path) -> None:
        """Add a call, whose journal is in the folder."""
        JournalEnrichment(folder).enrich(report)
        self.gaps += len(report.gaps)
        record = list(read(path_of(folder, report.call_sid)))
        heard = [event["text"] for event in record if event["event"] == "utterance"]
        self.wrong += heard != [turn.caller["text"] for turn in report.turns]
        self.premature += sum(event["event"] == "taken_back" for event in record)
        for turn in report.turns:
            self._take_turn(turn)

    def _take_turn(self, turn: Turn) -> None:
        if turn.answer_audio_ms is None or turn.any_audio_ms is None:
            self.unanswered += 1
            return
        self.answers_ms.append(turn.answer_audio_ms)
        self.any_ms.append(turn.any_audio_ms)


def measure(count: int, seed: int) -> Report:
    """At least `count` turns for each kind and manner."""
    report = Report("replies", {"turns": count, "seed": seed})
    rows = {
        (kind, manner.name): measure_row(kind, manner, count, seed)
        for kind in PROMISED_MS
        for manner in MANNERS
    }
    _describe(report, rows)
    return report


def measure_row(kind: str, manner: Manner, count: int, seed: int) -> Row:
    """At least `count` turns of one kind, in one manner."""
    speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST = manner.early, manner.interim
    try:
        with tempfile.TemporaryDirectory() as directory:
            clock = ManualClock()
            bench = _Bench(kind, manner, Random(seed), clock, Path(directory))
            run_virtual(bench.hold(count), clock)
            return bench.row
    finally:
        speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST = WITH.early, WITH.interim


class _Bench:
    """One row: calls of one kind, one after the other."""

    def __init__(self, kind: str, manner: Manner, random: Random, clock: ManualClock, folder: Path) -> None:
        self.row = Row()
        self._kind = kind
        self._manner = manner
        self._random = random
        self._clock = clock
        self._folder = folder
        self._ear = WordByWord()
        self._model = ScriptedModel(self._reply)

    async def hold(self, count: int) -> None:
        (self._folder / "replies.yaml").write_text(FLOW, "utf-8")
        settings = Settings(
            flows_dir=self._folder,
            default_flow="replies",
            data_dir=self._folder,
            performance_target_latency=TARGET_MS if self._manner.acknowledges else NEVER_MS,
        )
        speech = Speech(
            ScriptedVoiceDetector(), self._ear, ScriptedSynthesizer(SPEECH_MS, SPEECH_RATE), Certain()
        )
        relay = Relay(settings, self._clock, speech, {}, model=self._model, aside=unthreaded)
        async with AsgiCarriage(relay.app) as carriage, beating(self._clock) as ticker:
            for _ in range(math.ceil(count / TURNS_A_CALL)):
                await self._call(carriage, ticker)

    async def _call(self, carriage: AsgiCarriage, ticker: Ticker) -> None:
        said = [self._utterance() for _ in range(TURNS_A_CALL)]
        self._ear.said = said
        plan = CallPlan(
            f"{URL}/voice/incoming?flow=replies",
            Signer(Route(URL)),
            [Speak(Utterance.of(one.audio), {"text": one.text}) for one in said],
            CallIdentity(call_sid=new_sid("CA")),
            patience=Patience(pause_ms=self._random.uniform(600, 1200)),
            record=False,
        )
        report = await SimulatedCall(plan, carriage, ticker, self._clock).run()
        self.row.take(report, self._folder)

    def _utterance(self) -> Spoken:
        words = ["I", "have", "a", "question", "about", self._random.choice(TOPICS)]
        pieces = [hum(word) for word in words]
        if self._kind == SETTLED:
            words.append("please")
            pieces.append(hum("please")[: SETTLED_MS * 8])
        return Spoken.of(words, pieces)

    def _reply(self, request: ModelRequest) -> Reply:
        self.row.asked += 1
        sigma = math.log(FIRST_TOKEN_P95_MS / FIRST_TOKEN_P50_MS) / Z_95
        first_ms = self._random.lognormvariate(math.log(FIRST_TOKEN_P50_MS), sigma)
        text = self._random.choice(REPLIES)
        return Reply(text, [OutcomeChosen("answered")], first_ms=first_ms, gap_ms=TOKEN_MS)


def _describe(report: Report, rows: Mapping[tuple[str, str], Row]) -> None:
    found = {key: (row, Summary.of(row.answers_ms), Summary.of(row.any_ms)) for key, row in rows.items()}
    report.table(
        ["answer audio, ms from true t0", "", "turns", "p50", "95 % of it", "p95", "max", "any p50", "asked"],
        [
            [
                kind,
                manner,
                s.count,
                s.p50,
                f"{s.p50_low:.0f}–{s.p50_high:.0f}",
                s.p95,
                s.max,
                a.p50,
                row.asked,
            ]
            for (kind, manner), (row, s, a) in found.items()
        ],
    )
    report.figures = {
        f"{kind}, {manner}": {"answer_ms": s.as_json(), "any_ms": a.as_json(), "asked": row.asked}
        for (kind, manner), (row, s, a) in found.items()
    }
    for kind, (p50_ms, p95_ms) in PROMISED_MS.items():
        s = found[kind, WITH.name][1]
        report.promise(f"{kind}: p50 {s.p50:.0f} ms ≤ {p50_ms:.0f} ms", s.p50 <= p50_ms)
        report.promise(f"{kind}: p95 {s.p95:.0f} ms ≤ {p95_ms:.0f} ms", s.p95 <= p95_ms)
    for what in ("unanswered", "premature", "wrong", "gaps"):
        times = sum(getattr(row, what) for row in rows.values())
        report.promise(f"{what}: {times}", not times)

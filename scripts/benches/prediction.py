"""How much of what callers hear was there before it was needed: the real cache and predictor, in virtual time.

Simulated callers talk to the shipped flows as text; a scripted voice needs 120 ms for its first sound and makes speech
four times as fast as it plays. `echo` is left out: it says what it has just heard, which nobody can foresee. A turn is
what a caller does and the first words that answer it; words that bridge a wait are no answer, and turns whose answer
a model gives are left out. A turn is ready when the first sentence of its answer was there when it was needed.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.call.call import Call
from app.call.foresight import Foresight
from app.call.journal import Journal
from app.call.learned import LearnedChances
from app.clock import ManualClock, run_virtual
from app.flow import Context, Flow, State, begin, build_library, step
from app.flow.effects import AskModel, CallService, Effect, HangUp, Listen, Record, Say, Transfer
from app.flow.inputs import (
    Heard,
    Input,
    KeypadPaused,
    ModelReplied,
    NoInput,
    Pressed,
    RecordingEnded,
    ServiceAnswered,
    TransferEnded,
)
from app.flow.sentences import sentences
from app.orchestrator.answer_cache import Answers
from app.orchestrator.making import Words, ready, speech
from app.orchestrator.preparing import Preparer
from app.orchestrator.prerender import render_fixed_words
from app.orchestrator.speech_cache import SpeechCache
from app.orchestrator.threshold import AdaptiveThreshold
from app.orchestrator.voices import voice_of
from providers.scripted import ScriptedSynthesizer
from scripts.benches.prediction_callers import ANSWERS, Manner, served
from scripts.benches.report import Report
from scripts.benches.server import ROOT

READY_SHARE, PRECISION = 0.9, 0.8
START: Final = datetime(2026, 11, 13, 15, 0, tzinfo=UTC)
ENVIRONMENT: Final = dict.fromkeys(("CLINIC_API", "RESTAURANT_API", "CARD_API"), "https://backend.example")
CALLER: Final = "+14155550100"
FIRST_MS, RATE = 120.0, 4.0
AT_ONCE = 4
STEPS_MAX = 60
WORD_S, KEY_S, ENDPOINT_S = 0.35, 0.4, 0.25
DEPTH, ACCURACY = 3, 0.8


@dataclass
class Tally:
    """`late` counts, by prompt, the answers that were not ready."""

    turns: Counter[str] = field(default_factory=Counter)
    ready: Counter[str] = field(default_factory=Counter)
    models: int = 0
    gaps: int = 0
    late: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        return self.ready.total() / max(self.turns.total(), 1)


async def _inline(work: Callable[[], bool]) -> bool:
    return work()


def measure(calls: int, learning: int, seed: int) -> Report:
    """`learning` calls first, on which nothing is measured but what a first day is like; then `calls`."""
    report = Report("prediction", {"calls": calls, "learning": learning, "seed": seed})
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock(START)
        run_virtual(_Bench(clock, Path(folder), seed).run(report, calls, learning), clock)
    return report


class _Bench:
    def __init__(self, clock: ManualClock, folder: Path, seed: int) -> None:
        self._clock = clock
        self._folder = folder
        self._draw = random.Random(seed)
        paths = sorted(path for path in (ROOT / "flows").rglob("*") if path.suffix in (".yaml", ".md"))
        texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}
        library = build_library(texts, ENVIRONMENT)
        self._flows = [library.flows[name] for name in ANSWERS]
        self._voice = ScriptedSynthesizer(FIRST_MS, RATE)
        self._fresh(LearnedChances(folder, clock, _inline))

    def _fresh(self, learned: LearnedChances) -> None:
        self._cache = SpeechCache(1000, clock=self._clock)
        self._preparer = Preparer(self._cache, self._voice)
        threshold = AdaptiveThreshold(ACCURACY)
        self._foresight = Foresight(
            self._clock, self._preparer, learned, threshold, DEPTH, Answers(self._clock)
        )

    async def run(self, report: Report, calls: int, learning: int) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._foresight.run())
            await render_fixed_words(self._flows, self._preparer)
            first = await self._place(learning)
            self._settle()
            _describe(report, "first", first, self._cache)
            self._cache.figures = type(self._cache.figures)()
            then = await self._place(calls)
            self._settle()
            _describe(report, "then", then, self._cache)
            running.cancel()
        _promise(report, then, self._cache)

    def _settle(self) -> None:
        """What was made and not used yet will not be."""
        self._clock.advance(self._cache.ttl_s + 1)
        self._cache.sweep()

    async def _place(self, calls: int) -> Tally:
        tally, waiting = Tally(), list(range(calls))
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._callers(tally, waiting))
        return tally

    async def _callers(self, tally: Tally, waiting: list[int]) -> None:
        while waiting:
            number = waiting.pop()
            flow = self._flows[number % len(self._flows)]
            draw = random.Random(self._draw.random())
            await _SimulatedCall(flow, self._foresight, self._folder, draw, tally).run()
            await asyncio.sleep(draw.uniform(0, 5))


class _SimulatedCall:
    """One caller and one flow; speech is made and heard as the speaker does it, without a line between."""

    def __init__(
        self, flow: Flow, foresight: Foresight, folder: Path, draw: random.Random, tally: Tally
    ) -> None:
        sid = f"CA{draw.getrandbits(128):032x}"
        self._clock = foresight.clock
        journal = Journal(folder, sid, self._clock)
        self._call = Call(
            sid, flow, {}, flow.languages[0], CALLER, "+18005550199", journal, draw.getrandbits(16)
        )
        self._sight = foresight.of(self._call)
        self._cache, self._voice = foresight.preparer.cache, foresight.preparer.synthesizer
        self._draw, self._tally, self._manner = draw, tally, Manner()
        self._last: Effect | None = None
        self._awaited = False  # an answer to what the caller did

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            foreseeing = group.create_task(self._sight.run())
            context = Context(self._clock.wall(), CALLER, "", None, self._call.seed)
            await self._perform(*begin(self._call.flow, context))
            for _ in range(STEPS_MAX):
                if self._last is None or isinstance(self._last, HangUp):
                    break
                await self._go_on(self._last)
            foreseeing.cancel()
        self._call.journal.close("ended")

    async def _perform(self, state: State, effects: Sequence[Effect]) -> None:
        before, self._call.state = self._call.state, state
        self._sight.stepped(before, effects)
        if effects:
            self._last = effects[-1]
        if isinstance(self._last, AskModel) and self._awaited:
            self._awaited, self._tally.models = False, self._tally.models + 1
        for say in effects:
            if isinstance(say, Say):
                await self._speak(say)

    async def _give(self, given: Input) -> None:
        assert self._call.state
        await self._perform(*step(self._call.flow, self._call.state, given))

    async def _go_on(self, waits_for: Effect) -> None:
        now = self._clock.wall()
        match waits_for:
            case CallService():
                await asyncio.sleep(self._draw.uniform(0.05, 0.9))
                answer = served(self._call.flow, waits_for.node, self._draw)
                await self._give(ServiceAnswered(200, self._clock.wall(), answer))
            case AskModel():
                await asyncio.sleep(0.4)
                outcome = self._draw.choice(("answered", "unsure", "none"))
                await self._give(ModelReplied(self._clock.wall(), "We are open until six.", outcome))
            case Transfer():
                await asyncio.sleep(5)
                await self._give(TransferEnded("no_answer", self._clock.wall()))
            case Record():
                await asyncio.sleep(5)
                await self._give(RecordingEnded(5.0, now))
            case Listen():
                await self._answer(waits_for)

    async def _answer(self, question: Listen) -> None:
        assert self._call.state
        act = self._manner.act(self._draw, self._call.flow, self._call.state)
        await asyncio.sleep(self._draw.uniform(0.3, 1.2))
        self._awaited = True
        if act.keys:
            await self._press(act.keys)
        elif act.words:
            await asyncio.sleep(len(act.words.split()) * WORD_S + ENDPOINT_S)
            await self._give(Heard(act.words, self._call.state.language, 0.9, self._clock.wall()))
        else:
            await asyncio.sleep(question.timeout_ms / 1000)
            await self._give(NoInput(self._clock.wall()))

    async def _press(self, keys: str) -> None:
        for key in keys:
            if self._call.state and not self._call.state.ended:
                await asyncio.sleep(KEY_S)
                await self._give(Pressed(key, self._clock.wall()))
        if isinstance(self._last, Listen) and self._last.collected:
            await asyncio.sleep(self._last.keypad.pause_ms / 1000 if self._last.keypad else 0)
            await self._give(KeypadPaused(self._clock.wall()))

    async def _speak(self, say: Say) -> None:
        kind = None if say.sensitive or say.wording == "generated" else say.wording
        pieces = sentences(say.text) if kind == "templated" else (say.text,)
        words = Words(pieces, voice_of(self._voice, say.language, {}), kind, say.key)
        self._count(say, ready(self._cache, words) > 0)
        plays_until = 0.0
        async with aclosing(speech(self._cache, self._voice, words)) as chunks:
            async for chunk in chunks:
                now = self._clock.now()
                self._tally.gaps += bool(plays_until) and now > plays_until
                plays_until = max(now, plays_until) + len(chunk) / 8000
        await asyncio.sleep(max(0.0, plays_until - self._clock.now()))

    def _count(self, say: Say, there: bool) -> None:
        if not self._awaited:
            return
        self._awaited = False
        name = self._call.flow.name
        self._tally.turns[name] += 1
        self._tally.ready[name] += there
        if not there:
            self._tally.late[f"{name}: {say.key}"] += 1


def _describe(report: Report, phase: str, tally: Tally, cache: SpeechCache) -> None:
    figures = cache.figures
    rows = [[name, count, tally.ready[name] / count * 100] for name, count in sorted(tally.turns.items())]
    rows.append(["all", tally.turns.total(), tally.share * 100])
    report.table([f"{phase}: flow", "turns", "% ready"], rows)
    waste = [figures.ahead_made, figures.ahead_used, figures.ahead_wasted, (figures.precision or 0.0) * 100]
    report.table(
        ["made ahead", "texts", "used", "in vain", "% precision", "waste s", "characters", "gaps"],
        [["", *waste, figures.wasted_ms / 1000, figures.wasted_characters, tally.gaps]],
    )
    report.table(
        ["late most often", "times"], [[key, count] for key, count in tally.late.most_common(8)] or [["–", 0]]
    )
    report.figures[phase] = {
        "turns": tally.turns.total(),
        "model_turns": tally.models,
        "ready_share": round(tally.share, 4),
        "by_flow": {name: round(tally.ready[name] / count, 4) for name, count in tally.turns.items()},
        "gaps": tally.gaps,
        "late": dict(tally.late.most_common(20)),
        "cache": dict(figures.report()),
    }


def _promise(report: Report, tally: Tally, cache: SpeechCache) -> None:
    precision = cache.figures.precision or 0.0
    report.promise(
        f"at least {READY_SHARE:.0%} of turns answered from ready speech ({tally.share:.1%})",
        tally.share >= READY_SHARE,
    )
    report.promise(f"precision at least {PRECISION:.0%} ({precision:.1%})", precision >= PRECISION)
    report.promise(f"no gap inside a prompt ({tally.gaps})", not tally.gaps)

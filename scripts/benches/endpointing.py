"""How early a turn can be ended at what price: premature ends against delay, computed over recorded decisions.

Every utterance goes once through the embedded engines; at each pause what was heard, whether the question's grammar
was satisfied and what the intonation said are noted. Then any patience can be tried on the same pauses at once.
The delay counts from the true end of speech to the decision, recognition included; speech itself is made before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

import numpy as np

from app.audio import g711
from app.audio.activity import Edge, VoiceActivity
from app.audio.endpoint import ASK_AGAIN_MS, Pause, silence_needed_ms
from app.audio.loudness import Loudness
from app.flow import Context, begin, load
from app.flow.effects import Grammar, Listen
from app.simulator.caller import Speak
from app.simulator.line import Line, LineModel
from app.simulator.utterance import end_of_speech_ms
from providers.local_end_of_turn import EmbeddedEndOfTurnDetector
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_silero import SileroModel, SileroStates, as_windows
from providers.local_silero_graph import WINDOW
from providers.local_workers import InferenceWorkers
from scripts.benches.questions import SAID, flows, paused_between_words, said
from scripts.benches.report import Report
from scripts.benches.voices import spoken

LEAD_MS = 400
TAIL_MS = 1600
SCALES = (0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.0)
PREMATURE_MOST = 0.10
LEVELS_DB = (-12.0, 6.0)
NOISE_DBM0 = (-65.0, -50.0)


Case = tuple[str, str, bytes, bool, LineModel]


@dataclass(frozen=True, slots=True)
class Heard:
    """A pause as the ear met it. `lasts_ms` is infinite at the end of the turn; `known_ms` is when it was judged.

    `later` is the pause as it was judged again, if it lasted for that.
    """

    ended_ms: float
    lasts_ms: float
    known_ms: float
    pause: Pause
    later: Pause | None

    def needed_ms(self, scale: float) -> float:
        """How long it must be to end the turn, with every patience multiplied by `scale`."""
        at_once = max(silence_needed_ms(self.pause, "en") * scale, self.known_ms)
        if self.later is None or at_once <= ASK_AGAIN_MS:
            return at_once
        return max(silence_needed_ms(self.later, "en") * scale, ASK_AGAIN_MS)


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance and its pauses; `t0_ms` is its true end."""

    kind: str
    text: str
    with_pause: bool
    t0_ms: float
    pauses: Sequence[Heard]

    @property
    def complete(self) -> bool:
        """Whether the grammar can call it complete at its end."""
        return bool(self.pauses) and self.pauses[-1].pause.complete is True

    def decided(self, scale: float) -> tuple[bool, float]:
        """(premature, delay in ms after t0) with every patience multiplied by `scale`."""
        premature = False
        for heard in self.pauses:
            needed = heard.needed_ms(scale)
            if needed < heard.lasts_ms < float("inf"):
                premature = True
            if heard.lasts_ms == float("inf"):
                return premature, heard.ended_ms + needed - self.t0_ms
        return premature, float("nan")


async def measure(count: int, seed: int) -> Report:
    """Half of `count` utterances as they are, half with a pause put in."""
    report = Report("endpointing", {"count": count, "seed": seed})
    acts = await spoken(said())
    workers = InferenceWorkers()
    ear = _Ear(workers)
    try:
        turns = [await ear.hear(*case) for case in _cases(acts, count, Random(seed))]
    finally:
        await workers.aclose()
    _describe(report, turns)
    return report


def _cases(acts: Mapping[str, Speak], count: int, random: Random) -> Iterator[Case]:
    pairs = [(kind, text) for kind, texts in SAID.items() for text in texts]
    for number in range(count):
        kind, text = pairs[number // 2 % len(pairs)]
        with_pause = number % 2 == 1 and len(text.split()) > 1
        audio = paused_between_words(acts, text, random) if with_pause else acts[text].utterance.audio
        model = LineModel(random.uniform(*LEVELS_DB), random.uniform(*NOISE_DBM0), seed=number)
        yield kind, text, audio, with_pause, model


class _Ear:
    def __init__(self, workers: InferenceWorkers) -> None:
        self._silero = SileroModel()
        self._transcriber = EmbeddedTranscriber(workers, frozenset({"en"}))
        self._end_of_turn = EmbeddedEndOfTurnDetector(workers)
        self._grammars = {kind: _grammar(kind) for kind in SAID}

    async def hear(self, kind: str, text: str, clean: bytes, with_pause: bool, model: LineModel) -> Turn:
        padded = g711.SILENCE * (LEAD_MS * 8) + clean + g711.SILENCE * (TAIL_MS * 8)
        line = Line(model, 0.0)
        frames = list(g711.frames(padded))
        audio = b"".join(
            line.frame(frame, number * 0.02) for number, frame in enumerate(frames) if len(frame) == 160
        )
        pauses = [await self._judge(audio, kind, *lull) for lull in self._lulls(audio)]
        return Turn(kind, text, with_pause, LEAD_MS + end_of_speech_ms(clean), pauses)

    def _lulls(self, audio: bytes) -> list[tuple[float, float, float]]:
        """(where the lull was noticed, where speech had ended, where it went on)."""
        activity, loudness, states = VoiceActivity(), Loudness(), SileroStates.fresh(1)
        found: list[tuple[float, float, float]] = []
        frame_end = 0
        for at in range(0, len(audio) - WINDOW + 1, WINDOW):
            while frame_end < at + WINDOW:
                loudness.frame(g711.rms(audio[frame_end : frame_end + 160]), (frame_end + 160) / 8)
                frame_end += 160
            probability, states = self._silero.infer(as_windows([audio[at : at + WINDOW]]), states)
            end_ms = (at + WINDOW) / 8
            edge = activity.window(float(probability[0]), end_ms, loudness.loud_until_ms)
            if edge is Edge.LULL:
                found.append((end_ms, activity.ended_ms, float("inf")))
            elif edge is Edge.ONSET and found:
                found[-1] = (*found[-1][:2], end_ms)
        return found

    async def _judge(
        self, audio: bytes, kind: str, noticed_ms: float, ended_ms: float, on_ms: float
    ) -> Heard:
        until = audio[: int(noticed_ms) * 8]
        stream = await self._transcriber.open("en", on_partial=lambda partial: None)
        stream.utterance_started()
        for at in range(0, len(until), g711.FRAME_BYTES):
            stream.push(until[at : at + g711.FRAME_BYTES])
        began = time.perf_counter()
        words = (await stream.hypothesis()).text
        took_ms = (time.perf_counter() - began) * 1000
        await stream.aclose()
        pause = Pause(words, self._grammars[kind].complete(words), await self._end_probability(until))
        later = None
        again_ms = ended_ms + ASK_AGAIN_MS
        if pause.complete is not False and again_ms < on_ms:
            probability = await self._end_probability(audio[: int(again_ms) * 8])
            later = replace(pause, later_probability=probability)
        return Heard(ended_ms, on_ms - ended_ms, noticed_ms - ended_ms + took_ms, pause, later)

    async def _end_probability(self, audio: bytes) -> float:
        return await self._end_of_turn.probability(audio[-8000 * 8 :])


def _grammar(kind: str) -> Grammar:
    flow = load(flows()[f"{kind}.yaml"], f"{kind}.yaml")
    _, effects = begin(flow, Context(datetime(2026, 11, 13, tzinfo=UTC)))
    listen = effects[-1]
    assert isinstance(listen, Listen)
    return listen.grammar


def _describe(report: Report, turns: Sequence[Turn]) -> None:
    rows = []
    for scale in SCALES:
        premature, delays = zip(*(turn.decided(scale) for turn in turns), strict=True)
        complete = [delay for turn, delay in zip(turns, delays, strict=True) if turn.complete]
        p50, p95 = np.nanquantile(delays, (0.5, 0.95))
        row = [f"{scale:g}", 100 * float(np.mean(premature)), p50, p95, float(np.nanquantile(complete, 0.95))]
        rows.append([cell if isinstance(cell, str) else round(float(cell), 1) for cell in row])
        if scale == 1.0:
            report.promise(
                f"premature {row[1]:.1f} % ≤ {100 * PREMATURE_MOST:.0f} %",
                bool(np.mean(premature) <= PREMATURE_MOST),
            )
    report.table(["patience ×", "premature %", "p50 ms", "p95 ms", "p95 of the complete"], rows)
    by_kind = [
        [
            kind,
            len(mine := [turn for turn in turns if turn.kind == kind]),
            100 * float(np.mean([turn.complete for turn in mine])),
            100 * float(np.mean([turn.decided(1.0)[0] for turn in mine])),
            float(np.nanmedian([turn.decided(1.0)[1] for turn in mine])),
        ]
        for kind in SAID
    ]
    report.table(["kind", "turns", "complete %", "premature %", "p50 ms"], by_kind)
    report.figures = {"curve": rows, "kinds": by_kind}

"""One side of a comparison: calls, one after the other, to a relay that is put together in one way."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from app.call import speculation
from app.call.services import Speech
from app.clock import ManualClock, run_virtual
from app.dialogue import interim
from app.main import Relay
from app.orchestrator.failover import FailoverModel
from app.settings import Settings
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan, SimulatedCall
from app.simulator.caller import Patience, Speak
from app.simulator.ticker import Ticker, beating
from app.simulator.utterance import Utterance
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from providers.base import LanguageModel, ModelRequest, OutcomeChosen
from providers.scripted import ScriptedSynthesizer, ScriptedVoiceDetector, hum
from providers.scripted_model import Reply, ScriptedModel
from scripts.benches import replies
from scripts.benches.ablation_flows import Words
from scripts.benches.replies import Row
from scripts.benches.word_by_word import Certain, Spoken, WordByWord
from tests.call.services import FakeServices

SERVICE_P50_MS, SERVICE_P95_MS = 300.0, 600.0
ENTRIES = 1000
COURTESY_BYTES = replies.SETTLED_MS * 8


@dataclass(frozen=True, slots=True)
class Side:
    """How the relay is put together.

    Speech is made ahead and kept where it is `cached`, else each time. A turn may begin `early` replies before its end,
    `interim` of them on words still being spoken. The second of two `models` is asked when the first fails, and where
    it `hedges` also beside it.
    """

    flow: str
    cached: bool = True
    early: int = speculation.BEGUN_AT_MOST
    interim: int = interim.GUESSES_AT_MOST
    models: int = 1
    hedges: bool = True
    acknowledges: bool = False


class Unhedged(FailoverModel):
    """Never asks a second model beside a slow one."""

    @property
    def hedges(self) -> bool:
        return False


def log_normal_ms(draw: Random, p50_ms: float, p95_ms: float) -> float:
    return draw.lognormvariate(math.log(p50_ms), math.log(p95_ms / p50_ms) / replies.Z_95)


def hold(side: Side, calls: Sequence[Sequence[Words]], seed: int) -> Row:
    """Hold these calls; the row has their turns in order."""
    limits = speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST
    speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST = side.early, side.interim
    try:
        with tempfile.TemporaryDirectory() as directory:
            clock = ManualClock()
            bench = _Bench(side, seed, clock, Path(directory))
            run_virtual(bench.hold(calls), clock)
            return bench.row
    finally:
        speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST = limits


@dataclass
class _Bench:
    """What a service takes is drawn by the call, the words and how often they were asked about: not by the side."""

    side: Side
    seed: int
    clock: ManualClock
    folder: Path
    row: Row = field(default_factory=Row)
    number: int = 0
    ear: WordByWord = field(default_factory=WordByWord)
    asked: Counter[str] = field(default_factory=Counter)

    async def hold(self, calls: Sequence[Sequence[Words]]) -> None:
        (self.folder / "ablation.yaml").write_text(self.side.flow, "utf-8")
        services = FakeServices(self.clock, {"/free": [{}]}, self._service_s)
        voice = ScriptedSynthesizer(replies.SPEECH_MS, replies.SPEECH_RATE)
        speech = Speech(ScriptedVoiceDetector(), self.ear, voice, Certain())
        model = self._model()
        relay = Relay(
            self._settings(), self.clock, speech, {}, services, model=model, aside=replies.unthreaded
        )
        async with AsgiCarriage(relay.app) as carriage, beating(self.clock) as ticker:
            for self.number, words in enumerate(calls):
                await self._call(carriage, ticker, words)

    def _settings(self) -> Settings:
        """Answers that are late by any measure are no reason to give something up here."""
        return Settings(
            flows_dir=self.folder,
            default_flow="ablation",
            data_dir=self.folder,
            performance_cache_enabled=self.side.cached,
            cache_max_entries=ENTRIES if self.side.cached else 0,
            performance_target_latency=replies.TARGET_MS if self.side.acknowledges else replies.NEVER_MS,
            performance_max_latency=replies.NEVER_MS,
        )

    def _model(self) -> LanguageModel:
        def one(name: str) -> ScriptedModel:
            return ScriptedModel(lambda request: self._reply(request, name), name=name)

        if self.side.models == 1:
            return one("azure")
        chain = FailoverModel if self.side.hedges else Unhedged
        return chain([one(name) for name in ("azure", "openai", "anthropic")[: self.side.models]], self.clock)

    async def _call(self, carriage: AsgiCarriage, ticker: Ticker, words: Sequence[Words]) -> None:
        said = [Spoken.of(one, [_piece(word) for word in one]) for one in words]
        self.ear.said = said
        plan = CallPlan(
            f"{replies.URL}/voice/incoming?flow=ablation",
            Signer(Route(replies.URL)),
            [Speak(Utterance.of(one.audio), {"text": one.text}) for one in said],
            CallIdentity(call_sid=new_sid("CA")),
            patience=Patience(pause_ms=self._draw("pause").uniform(600, 1200)),
            record=False,
        )
        report = await SimulatedCall(plan, carriage, ticker, self.clock).run()
        self.row.take(report, self.folder)

    def _reply(self, request: ModelRequest, name: str) -> Reply:
        self.row.asked += 1
        draw = self._draw(f"{name} {request.messages[-1].text if request.messages else ''}")
        first_ms = log_normal_ms(draw, replies.FIRST_TOKEN_P50_MS, replies.FIRST_TOKEN_P95_MS)
        text = draw.choice(replies.REPLIES)
        return Reply(text, [OutcomeChosen("answered")], first_ms=first_ms, gap_ms=replies.TOKEN_MS)

    def _service_s(self, path: str) -> float:
        return log_normal_ms(self._draw(path), SERVICE_P50_MS, SERVICE_P95_MS) / 1000

    def _draw(self, what: str) -> Random:
        key = f"{self.seed} {self.number} {what}"
        self.asked[key] += 1
        return Random(f"{key} {self.asked[key]}")


def _piece(word: str) -> bytes:
    return hum(word)[:COURTESY_BYTES] if word == "please" else hum(word)

"""The whole relay in memory and virtual time, on scripted speech, called by the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.call.http_client import HttpServices
from app.call.journal import path_of, read
from app.call.services import Speech
from app.clock import ManualClock
from app.main import Relay
from app.settings import Settings
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan
from app.simulator.carriage import Response
from app.simulator.steps import Step
from app.simulator.webhook import Route, Signer
from providers.base import (
    EndOfTurnDetector,
    LanguageModel,
    SimilarityModel,
    Synthesizer,
    VoiceDetector,
    VoiceWindow,
    nobody_waits,
)
from providers.local_answers import EmbeddedAnswers
from providers.local_still import StillWorkers
from providers.scripted import (
    Script,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    ScriptedVoiceStream,
)
from tests.simulator.calls import Placed, call_over

URL = "http://127.0.0.1:8000"
FLOWS = Path(__file__).parents[2] / "flows"
UNSIGNED = Signer(Route(URL))


async def inline(work: Callable[[], bool]) -> bool:
    """Threads do not fit into virtual time."""
    return work()


class AskingDetector(ScriptedVoiceDetector):
    """Asks of each window whether it is awaited, and keeps the answers: "x" where it is."""

    def open(
        self, on_windows: Callable[[Sequence[VoiceWindow]], None], awaited: Callable[[], bool] = nobody_waits
    ) -> ScriptedVoiceStream:
        self.awaited = ""

        def asking(windows: Sequence[VoiceWindow]) -> None:
            for window in windows:
                self.awaited += "x" if awaited() else "."
                on_windows([window])

        return super().open(asking)


@dataclass
class RunningRelay:
    relay: Relay
    carriage: AsgiCarriage
    clock: ManualClock
    data_dir: Path
    transcriber: ScriptedTranscriber

    async def post(self, path: str, *pairs: tuple[str, str], signer: Signer = UNSIGNED) -> Response:
        """A webhook by hand."""
        url = f"{URL}{path}"
        return await self.carriage.request("POST", url, pairs, signer.webhook(url, pairs))

    async def call(self, flow: str, steps: Sequence[Step] = (), **changes: Any) -> Placed:
        """Place a call into a flow and see it to its end."""
        plan = CallPlan(f"{URL}/voice/incoming?flow={flow}", UNSIGNED)
        return await call_over(self.carriage, self.clock, steps, replace(plan, **changes))

    def journal(self, placed: Placed) -> list[dict[str, Any]]:
        return list(read(path_of(self.data_dir, placed.report.call_sid)))


@asynccontextmanager
async def running(
    clock: ManualClock,
    data_dir: Path,
    script: Script,
    synthesizer: Synthesizer | None = None,
    threshold: float = 0.01,
    settings: Settings | None = None,
    transcriber: ScriptedTranscriber | None = None,
    prerender: bool = True,
    http: HttpServices | None = None,
    model: LanguageModel | None = None,
    similarity: SimilarityModel | None = None,
    end_of_turn: EndOfTurnDetector | None = None,
    detector: VoiceDetector | None = None,
) -> AsyncIterator[RunningRelay]:
    """A relay whose transcriber understands each call's utterances as `script` says."""
    settings = replace(settings or Settings(flows_dir=FLOWS, default_flow="echo"), data_dir=data_dir)
    transcriber = transcriber or ScriptedTranscriber(script)
    voice = synthesizer or ScriptedSynthesizer()
    detector = detector or ScriptedVoiceDetector(threshold)
    speech = Speech(detector, transcriber, voice, end_of_turn=end_of_turn, similarity=similarity)
    if not prerender:
        settings = replace(settings, performance_cache_enabled=False)
    relay = Relay(settings, clock, speech, {}, http, model or EmbeddedAnswers(StillWorkers()), inline)
    async with AsgiCarriage(relay.app) as carriage:
        yield RunningRelay(relay, carriage, clock, data_dir, transcriber)


def events(journal: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in journal if event["event"] == name]

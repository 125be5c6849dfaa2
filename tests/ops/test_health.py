from __future__ import annotations

import json
from pathlib import Path

from app.call.services import Speech
from app.clock import ManualClock
from app.errors import BadCredentials
from app.main import Relay
from app.orchestrator.failover import FailoverModel
from app.settings import Settings
from app.simulator.asgi import AsgiCarriage
from providers.local_still import StillWorkers
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from providers.scripted_model import ScriptedModel
from tests.call.relay import FLOWS, inline


class Refusing(ScriptedModel):
    """Knows the key for a wrong one."""

    async def warm_up(self) -> None:
        raise BadCredentials("refusing: HTTP 401")


async def got(relay: Relay, *paths: str) -> list[bytes]:
    async with AsgiCarriage(relay.app) as carriage:
        answers = [await carriage.request("GET", f"http://127.0.0.1:8000{path}", (), {}) for path in paths]
    return [answer.body for answer in answers]


async def test_each_language_model_is_reported(tmp_path: Path, clock: ManualClock) -> None:
    model = FailoverModel([Refusing(name="azure"), ScriptedModel(name="openai")], clock)
    settings = Settings(flows_dir=FLOWS, data_dir=tmp_path)
    speech = Speech(ScriptedVoiceDetector(), ScriptedTranscriber([]), ScriptedSynthesizer())
    relay = Relay(settings, clock, speech, {}, model=model, aside=inline)
    (health,) = await got(relay, "/health")
    report = json.loads(health)
    assert report["status"] == "degraded"
    assert report["providers"]["azure/model"] == {"state": "down", "breaker": "open", "firstTokenP50Ms": None}
    assert report["providers"]["openai/model"]["state"] == "healthy"
    assert report["inference"] is None


async def test_the_threads_of_the_embedded_engines_are_reported(tmp_path: Path, clock: ManualClock) -> None:
    workers = StillWorkers(3)
    settings = Settings(flows_dir=FLOWS, data_dir=tmp_path)
    speech = Speech(
        ScriptedVoiceDetector(), ScriptedTranscriber([]), ScriptedSynthesizer(), workers=[workers]
    )
    relay = Relay(settings, clock, speech, {}, aside=inline)
    health, figures = await got(relay, "/health", "/metrics")
    assert b"callrelay_inference_waiting 0.0" in figures
    assert b"callrelay_inference_restarts_total 0.0" in figures
    assert json.loads(health)["inference"] == {
        "threads": 3,
        "waiting": 0,
        "busy": 0,
        "waitP95Ms": None,
        "runP95Ms": None,
        "restarts": 0,
    }

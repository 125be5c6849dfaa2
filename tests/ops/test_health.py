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
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from providers.scripted_model import ScriptedModel
from tests.call.relay import FLOWS, inline


class Refusing(ScriptedModel):
    """Knows the key for a wrong one."""

    async def warm_up(self) -> None:
        raise BadCredentials("refusing: HTTP 401")


async def test_each_language_model_is_reported(tmp_path: Path, clock: ManualClock) -> None:
    model = FailoverModel([Refusing(name="azure"), ScriptedModel(name="openai")], clock)
    settings = Settings(flows_dir=FLOWS, data_dir=tmp_path)
    speech = Speech(ScriptedVoiceDetector(), ScriptedTranscriber([]), ScriptedSynthesizer())
    relay = Relay(settings, clock, speech, {}, model=model, aside=inline)
    async with AsgiCarriage(relay.app) as carriage:
        response = await carriage.request("GET", "http://127.0.0.1:8000/health", (), {})
    report = json.loads(response.body)
    assert report["status"] == "degraded"
    assert report["providers"]["azure/model"] == {"state": "down", "breaker": "open", "firstTokenP50Ms": None}
    assert report["providers"]["openai/model"]["state"] == "healthy"

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.call.services import Speech
from app.clock import ManualClock
from app.engines import open_models, open_routes
from app.main import Relay
from app.orchestrator.failover import FailoverModel
from app.settings import Settings
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from providers.scripted_model import ScriptedModel
from tests.call.relay import FLOWS, inline

AZURE = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://resource.example.com"}
OPENAI, ANTHROPIC = {"OPENAI_API_KEY": "k"}, {"ANTHROPIC_API_KEY": "k"}


@pytest.mark.parametrize(
    ("environment", "chain"),
    [
        (
            AZURE | OPENAI | ANTHROPIC,
            ["azure gpt-5.4-mini", "openai gpt-5.4", "anthropic claude-haiku-4-5", "embedded"],
        ),
        (OPENAI | ANTHROPIC, ["openai gpt-5.4-mini", "anthropic claude-sonnet-4-6", "embedded"]),
        (
            ANTHROPIC | {"MODEL_CHAIN": "anthropic,openai,anthropic"},
            ["anthropic claude-haiku-4-5", "embedded"],
        ),
        (AZURE | {"AZURE_OPENAI_DEPLOYMENT": "front-desk"}, ["azure front-desk", "embedded"]),
        ({"AZURE_OPENAI_API_KEY": "k"}, []),
        (AZURE | OPENAI | {"PERFORMANCE_FAILOVER_ENABLED": "false"}, ["azure gpt-5.4-mini"]),
        ({"MODEL_CHAIN": "scripted"}, ["scripted"]),
        ({}, []),
    ],
)
def test_models_that_have_a_key_make_the_chain(environment: dict[str, str], chain: list[str]) -> None:
    found = open_models(Settings.from_environment(environment), ManualClock())
    models = [provider.engine for provider in found.providers.values()] if found else []
    for model, expected in zip(models, chain, strict=True):
        name, _, which = expected.partition(" ")
        assert model.name == name
        assert which in repr(model)


def test_no_key_shows() -> None:
    environment = {"OPENAI_API_KEY": "planted-key", "ANTHROPIC_API_KEY": "planted-key"}
    found = open_models(Settings.from_environment(environment), ManualClock())
    assert found
    assert found.standby
    assert found.routed("en") == ["openai", "anthropic"]
    shown = [repr(found), *(repr(provider) for provider in found.providers.values())]
    assert "planted" not in "".join(shown)


class Defective(FailoverModel):
    """Nobody else stops watching."""

    async def watch(self) -> None:
        await asyncio.sleep(5)
        raise RuntimeError("a defect")


async def kept_running(relay: Relay) -> None:
    async with relay.app.router.lifespan_context(relay.app):
        assert relay.admission.ready
        await asyncio.sleep(10)


async def test_nobody_is_let_in_once_a_watch_has_failed(clock: ManualClock, tmp_path: Path) -> None:
    settings = Settings(flows_dir=FLOWS, default_flow="echo", data_dir=tmp_path)
    speech = Speech(ScriptedVoiceDetector(), ScriptedTranscriber([]), ScriptedSynthesizer())
    model = Defective([ScriptedModel()], clock, open_routes(settings))
    relay = Relay(settings, clock, speech, {}, model=model, aside=inline)
    with pytest.raises(ExceptionGroup):
        await kept_running(relay)
    assert clock.now() == pytest.approx(5)
    assert not relay.admission.ready

from __future__ import annotations

import pytest

from app.clock import ManualClock
from app.engines import open_models
from app.settings import Settings

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

from __future__ import annotations

import pytest

from app.errors import SettingsError
from app.settings import Settings


def test_defaults_need_no_environment() -> None:
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.default_flow) == ("127.0.0.1", 8000, "clinic")
    assert settings.auth_tokens == ()


def test_an_empty_variable_is_not_set() -> None:
    assert Settings.from_environment({"PORT": "", "PUBLIC_URL": ""}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORT", "80000", "PORT: expected a whole number from 0 to 65535, not '80000'"),
        ("PORT", "٣", "PORT: expected a whole number"),
        ("PUBLIC_URL", "voice.example.com", "PUBLIC_URL: expected an address like https://voice.example.com"),
        ("REQUIRE_WS_SIGNATURE", "maybe", "REQUIRE_WS_SIGNATURE: expected true or false, not 'maybe'"),
        ("SPEECH_CHAIN", "azure,siri", "SPEECH_CHAIN: expected names from azure, openai, embedded, scripted"),
        ("HTTP_ALLOW", "localhost", "HTTP_ALLOW: expected host:port, separated by commas"),
        ("MODEL_CHAIN", "hal", "MODEL_CHAIN: expected names from azure, openai, anthropic, scripted"),
        (
            "OPENAI_BASE_URL",
            "localhost",
            "OPENAI_BASE_URL: expected an address like https://models.example.com/v1",
        ),
        (
            "PERFORMANCE_QUALITY_THRESHOLD",
            "85",
            "PERFORMANCE_QUALITY_THRESHOLD: expected a number from 0 to 1",
        ),
        (
            "PERFORMANCE_MAX_LATENCY",
            "100",
            "100 is less than PERFORMANCE_TARGET_LATENCY, 300; raise it, or lower",
        ),
        (
            "PERFORMANCE_TARGET_LATENCY",
            "600",
            "PERFORMANCE_MAX_LATENCY: 500, by default, is less than PERFORMANCE_TARGET_LATENCY, 600",
        ),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: expected one of text, json"),
    ],
)
def test_a_bad_value_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message.replace("(", r"\(")):
        Settings.from_environment({variable: value})


def test_all_faults_are_named_at_once() -> None:
    environment = {"PORT": "x", "LOG_LEVEL": "loud", "PERFORMANCE_MAX_LATENCY": "100"}
    with pytest.raises(SettingsError, match=r"PORT: .*; LOG_LEVEL: .*; PERFORMANCE_MAX_LATENCY: "):
        Settings.from_environment(environment)


def test_a_latency_that_was_misread_is_not_compared() -> None:
    environment = {"PERFORMANCE_TARGET_LATENCY": "600", "PERFORMANCE_MAX_LATENCY": "2s"}
    with pytest.raises(SettingsError, match=r"PERFORMANCE_MAX_LATENCY: [^;]*'2s'$"):
        Settings.from_environment(environment)


def test_secrets_do_not_show() -> None:
    secrets = ("TWILIO_AUTH_TOKEN", "AZURE_OPENAI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
    settings = Settings.from_environment(dict.fromkeys(secrets, "planted-secret"))
    assert "planted-secret" not in repr(settings)

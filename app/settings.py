"""Settings, read once from the environment and frozen; a value that cannot be used stops the boot, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.errors import SettingsError

Parser = Callable[[str], Any]

MODEL_PROVIDERS = ("azure", "openai", "anthropic", "scripted")
LANGUAGES = ("de", "en", "es", "fr", "it")
SPEECH_PROVIDERS = ("azure", "openai", "embedded", "scripted")


def _whole_number(low: int, high: int, of: str = "") -> Parser:
    def parse(text: str) -> int:
        value = int(text) if text.isascii() and text.removeprefix("-").isdigit() else None
        if value is None or not low <= value <= high:
            raise ValueError(f"expected a whole number {f'of {of} ' if of else ''}from {low} to {high}")
        return value

    return parse


_LATENCY = _whole_number(50, 10_000, "milliseconds")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError("expected a number from 0 to 1")
    return value


def _flag(text: str) -> bool:
    try:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
    except KeyError:
        raise ValueError("expected true or false") from None


def _one_of(*choices: str) -> Parser:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return parse


def _names_from(*choices: str) -> Parser:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        unknown = [name for name in names if name not in choices]
        if unknown or not names:
            raise ValueError(f"expected names from {', '.join(choices)}, separated by commas")
        return names

    return parse


def _host_ports(text: str) -> tuple[str, ...]:
    found = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for one in found:
        host, _, port = one.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536 or "/" in host:
            raise ValueError("expected host:port, separated by commas, like 127.0.0.1:9000")
    return tuple(one.replace("[", "").replace("]", "") for one in found)


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("expected an address like https://voice.example.com")
    return text.rstrip("/")


def _service_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise ValueError("expected an address like https://models.example.com/v1")
    return text.rstrip("/")


def _speech_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http", "wss", "ws") or not parts.netloc:
        raise ValueError("expected an address like https://NAME.cognitiveservices.azure.com")
    return text.rstrip("/")


def _redis_url(text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("expected an address like redis://localhost:6379/0")
    return text


def _region(text: str) -> str:
    if not (text.isascii() and text.isalnum()):
        raise ValueError("expected a region like westeurope")
    return text


def _setting(variable: str, default: Any, parse: Parser = str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"variable": variable, "parse": parse})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything an operator can set. Each field's variable and default stand in docs/settings.md."""

    host: str = _setting("HOST", "127.0.0.1")
    port: int = _setting("PORT", 8000, _whole_number(0, 65535))
    public_url: str | None = _setting("PUBLIC_URL", None, _public_url)
    twilio_auth_token: str | None = _setting("TWILIO_AUTH_TOKEN", None, secret=True)
    require_ws_signature: bool = _setting("REQUIRE_WS_SIGNATURE", False, _flag)
    flows_dir: Path = _setting("FLOWS_DIR", Path("flows"), Path)
    default_flow: str = _setting("DEFAULT_FLOW", "clinic")
    data_dir: Path = _setting("DATA_DIR", Path("data"), Path)
    speech_chain: tuple[str, ...] = _setting(
        "SPEECH_CHAIN", ("azure", "openai", "embedded"), _names_from(*SPEECH_PROVIDERS)
    )
    languages: tuple[str, ...] = _setting("LANGUAGES", ("en", "es", "fr", "de"), _names_from(*LANGUAGES))
    fallback_language: str = _setting("FALLBACK_LANGUAGE", "en", _one_of(*LANGUAGES))
    language_detection: bool = _setting("LANGUAGE_DETECTION", True, _flag)
    azure_speech_key: str | None = _setting("AZURE_SPEECH_KEY", None, secret=True)
    azure_speech_region: str | None = _setting("AZURE_SPEECH_REGION", None, _region)
    azure_speech_endpoint: str | None = _setting("AZURE_SPEECH_ENDPOINT", None, _speech_url)
    openai_transcription_model: str = _setting("OPENAI_TRANSCRIPTION_MODEL", "gpt-live-transcribe")
    openai_speech_model: str = _setting("OPENAI_SPEECH_MODEL", "gpt-4o-mini-tts")
    openai_speech_voice: str = _setting("OPENAI_SPEECH_VOICE", "coral")
    model_chain: tuple[str, ...] = _setting(
        "MODEL_CHAIN", ("azure", "openai", "anthropic"), _names_from(*MODEL_PROVIDERS)
    )
    azure_openai_endpoint: str | None = _setting("AZURE_OPENAI_ENDPOINT", None, _service_url)
    azure_openai_api_key: str | None = _setting("AZURE_OPENAI_API_KEY", None, secret=True)
    azure_openai_deployment: str | None = _setting("AZURE_OPENAI_DEPLOYMENT", None)
    azure_openai_api_version: str = _setting("AZURE_OPENAI_API_VERSION", "2024-10-21")
    openai_api_key: str | None = _setting("OPENAI_API_KEY", None, secret=True)
    openai_base_url: str | None = _setting("OPENAI_BASE_URL", None, _service_url)
    openai_model: str | None = _setting("OPENAI_MODEL", None)
    anthropic_api_key: str | None = _setting("ANTHROPIC_API_KEY", None, secret=True)
    anthropic_base_url: str | None = _setting("ANTHROPIC_BASE_URL", None, _service_url)
    anthropic_model: str | None = _setting("ANTHROPIC_MODEL", None)
    http_allow: tuple[str, ...] | None = _setting("HTTP_ALLOW", None, _host_ports)
    performance_target_latency: int = _setting("PERFORMANCE_TARGET_LATENCY", 300, _LATENCY)
    performance_max_latency: int = _setting("PERFORMANCE_MAX_LATENCY", 500, _LATENCY)
    performance_quality_threshold: float = _setting("PERFORMANCE_QUALITY_THRESHOLD", 0.85, _share)
    performance_language_optimization: bool = _setting("PERFORMANCE_LANGUAGE_OPTIMIZATION", True, _flag)
    performance_failover_enabled: bool = _setting("PERFORMANCE_FAILOVER_ENABLED", True, _flag)
    performance_cache_enabled: bool = _setting("PERFORMANCE_CACHE_ENABLED", True, _flag)
    cache_max_entries: int = _setting("CACHE_MAX_ENTRIES", 1000, _whole_number(1, 1_000_000))
    cache_ttl_s: int = _setting("CACHE_TTL_S", 300, _whole_number(1, 86_400, "seconds"))
    cache_depth: int = _setting("CACHE_DEPTH", 3, _whole_number(1, 10))
    cache_accuracy: float = _setting("CACHE_ACCURACY", 0.8, _share)
    cache_compression: bool = _setting("CACHE_COMPRESSION", False, _flag)
    console_token: str | None = _setting("CONSOLE_TOKEN", None, secret=True)
    web_concurrency: int = _setting("WEB_CONCURRENCY", 1, _whole_number(1, 64))
    redis_url: str | None = _setting("REDIS_URL", None, _redis_url, secret=True)
    record_calls: bool = _setting("RECORD_CALLS", False, _flag)
    drain_seconds: int = _setting("DRAIN_SECONDS", 270, _whole_number(0, 3600, "seconds"))
    log_level: str = _setting("LOG_LEVEL", "info", _one_of("debug", "info", "warning", "error"))
    log_format: str | None = _setting("LOG_FORMAT", None, _one_of("text", "json"))

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Every secret that the carrier may sign with."""
        return (self.twilio_auth_token,) if self.twilio_auth_token else ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read what is set; an empty variable counts as not set. Raises SettingsError naming all faults."""
        values: dict[str, Any] = {}
        faults: list[str] = []
        misread: set[str] = set()
        for item in fields(cls):
            variable, text = item.metadata["variable"], environment.get(item.metadata["variable"], "")
            if not text:
                continue
            try:
                values[item.name] = item.metadata["parse"](text)
            except ValueError as error:
                misread.add(item.name)
                faults.append(f"{variable}: {error}" + (f", not {text!r}" if item.repr else ""))
        settings = cls(**values)
        target, most = settings.performance_target_latency, settings.performance_max_latency
        if most < target and not misread & {"performance_target_latency", "performance_max_latency"}:
            by_default = "" if "performance_max_latency" in values else ", by default,"
            faults.append(
                f"PERFORMANCE_MAX_LATENCY: {most}{by_default} is less than PERFORMANCE_TARGET_LATENCY, {target}; "
                "raise it, or lower the target"
            )
        if faults:
            raise SettingsError("; ".join(faults))
        return settings

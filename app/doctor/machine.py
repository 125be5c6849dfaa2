"""What calls need besides providers: nothing here asks the network."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.designer.files import flow_files
from app.designer.linting import lint_files
from app.doctor.verdict import Verdict
from app.engines import open_routes
from app.errors import AssetError, RelayError, SettingsError
from app.server import claimed_port
from app.settings import Settings
from providers import weights

OLDEST_PYTHON = (3, 11)


def check_machine(environment: Mapping[str, str]) -> list[Verdict]:
    """Everything that can be looked at without a service."""
    found = [_python(), _weights(), _ffmpeg()]
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as error:
        return [*found, Verdict("settings", "failed", str(error), "docs/settings.md has them all")]
    return [*found, *_of_settings(settings, environment)]


def _of_settings(settings: Settings, environment: Mapping[str, str]) -> Iterator[Verdict]:
    yield Verdict("settings", "ok", "can be used")
    yield _data_dir(settings.data_dir)
    yield _port(settings)
    yield _public_address(settings)
    yield _workers(settings.web_concurrency)
    yield _routes(settings)
    yield _flows(settings, environment)


def _python() -> Verdict:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Verdict("python", "ok", found)
    return Verdict("python", "failed", found, "install Python 3.11 or newer, then run scripts/install")


def _weights() -> Verdict:
    wrong = []
    for name in weights.assets():
        try:
            weights.verify(name)
        except AssetError as error:
            wrong.append(str(error))
    if wrong:
        return Verdict("speech models", "failed", "; ".join(wrong), "run scripts/install")
    return Verdict("speech models", "ok", f"{len(weights.assets())} in {weights.folder()}, hashes right")


def _ffmpeg() -> Verdict:
    where = shutil.which("ffmpeg")
    if where:
        return Verdict("ffmpeg", "ok", where)
    remedy = "without it recorded prompts must be WAV; install ffmpeg for MP3 and OGG"
    return Verdict("ffmpeg", "skipped", "is not there", remedy)


def _data_dir(folder: Path) -> Verdict:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"callrelay")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = "set DATA_DIR to a folder that can be written, or make room on its disk"
        return Verdict("data folder", "failed", f"{folder}: {error.strerror}", remedy)
    return Verdict("data folder", "ok", f"{folder} can be written")


def _port(settings: Settings) -> Verdict:
    try:
        claimed_port(settings.host, settings.port).close()
    except SettingsError as error:
        return Verdict(
            "port", "failed", str(error), "a server that runs already holds its port; else see above"
        )
    return Verdict("port", "ok", f"{settings.host}:{settings.port} is free")


def _public_address(settings: Settings) -> Verdict:
    """Carriers call https addresses, and open streams over TLS only."""
    what, url = "public address", settings.public_url
    if url is None and settings.auth_tokens:
        remedy = "set PUBLIC_URL to the server's https address as the carrier has it"
        return Verdict(what, "failed", "PUBLIC_URL is not set: no carrier's signature can be checked", remedy)
    if url is None:
        return Verdict(what, "ok", "none, so only callers on this machine are let in")
    if not url.startswith("https://"):
        remedy = "set PUBLIC_URL to the https address of the proxy in front of the server"
        return Verdict(what, "failed", f"{url} is not https: carriers open no stream to it", remedy)
    if not settings.auth_tokens:
        remedy = "set TWILIO_AUTH_TOKEN to the secret that the carrier signs with"
        return Verdict(what, "failed", f"{url}, but without TWILIO_AUTH_TOKEN no carrier is let in", remedy)
    return Verdict(what, "ok", url)


def _workers(count: int) -> Verdict:
    cores = os.cpu_count() or 1
    advice = (
        "" if count <= cores else f"WEB_CONCURRENCY of at most {cores} keeps callers from waiting for a core"
    )
    return Verdict("worker processes", "ok", f"{count}, on {cores} core(s)", advice)


def _routes(settings: Settings) -> Verdict:
    try:
        languages = open_routes(settings).by_language
    except RelayError as error:
        return Verdict(
            "language routes", "failed", str(error), "docs/providers.md says how routes are written"
        )
    return Verdict("language routes", "ok", ", ".join(languages))


def _flows(settings: Settings, environment: Mapping[str, str]) -> Verdict:
    try:
        paths = flow_files((), settings.flows_dir)
        findings = lint_files(paths, environment)
    except RelayError as error:
        return Verdict("flows", "failed", str(error))
    errors = [str(one) for one in findings if one.severity == "error"]
    if errors:
        return Verdict("flows", "failed", "; ".join(errors), "`callrelay flow lint` says more")
    names = [path.stem for path in paths]
    if settings.default_flow not in names:
        found = (
            f"{settings.flows_dir} has no flow {settings.default_flow}, only {', '.join(names) or 'nothing'}"
        )
        return Verdict(
            "flows", "failed", found, "set DEFAULT_FLOW to one of them, or FLOWS_DIR to their folder"
        )
    return Verdict("flows", "ok", f"{', '.join(names)}; {len(findings)} warnings")

"""`callrelay serve`: read the environment, build the relay, say what it will take, run."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import sys
from collections.abc import Mapping

from app.call.aside import aside_threads
from app.clock import SystemClock
from app.engines import open_models, open_speech
from app.errors import RelayError
from app.main import Relay
from app.ops.logs import configure_logging
from app.ops.posts import RUN
from app.server import RelayServer, SupervisedServer, claimed_port, uvicorn_config
from app.settings import Settings
from app.supervisor import Supervisor

# how long a thread of speech work may keep the interpreter from the event loop; Python's own is five times as much
SWITCH_INTERVAL_S = 0.001

log = logging.getLogger("callrelay")


def serve(environment: Mapping[str, str]) -> int:
    """Run until told to stop; the exit code, 1 after a defect. Raises RelayError for what cannot be used."""
    settings = Settings.from_environment(environment)
    several = settings.web_concurrency > 1
    configure_logging(settings.log_level, settings.log_format, several=several)
    with claimed_port(settings.host, settings.port) as listener:
        if several:
            code = asyncio.run(_supervised(settings.web_concurrency, listener.fileno(), environment))
        else:
            code = _serve(settings, environment, listener)
    if code == 0:
        log.info("the server has ended")
    return code


async def _supervised(workers: int, listener: int, environment: Mapping[str, str]) -> int:
    return await Supervisor(workers, listener, {**environment, RUN: secrets.token_hex(8)}).run()


def work(listener: int) -> None:
    """Be a worker of a Supervisor's on its socket, by descriptor."""
    try:
        settings = Settings.from_environment(os.environ)
        configure_logging(settings.log_level, settings.log_format, several=True)
        with socket.socket(fileno=listener) as shared:
            code = _serve(settings, os.environ, shared, supervised=True)
    except RelayError as error:
        print(f"callrelay: {error}", file=sys.stderr)
        sys.exit(3)
    sys.exit(code)


def _serve(
    settings: Settings, environment: Mapping[str, str], listener: socket.socket, *, supervised: bool = False
) -> int:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = SystemClock()
    speech, model = open_speech(settings, clock), open_models(settings, clock)
    with aside_threads() as aside:
        relay = Relay(settings, clock, speech, environment, model=model, aside=aside)
        _announce(settings)
        config, drain_s = uvicorn_config(relay.app), settings.drain_seconds
        stalled = relay.operations.stalled
        kind = SupervisedServer if supervised else RelayServer
        server = kind(config, clock, relay.admission, relay.registry, drain_s, stalled)
        server.run([listener])
    return int(server.failed)


def _announce(settings: Settings) -> None:
    if not settings.auth_tokens:
        log.warning("TWILIO_AUTH_TOKEN is not set: only callers on this machine are let in")
    elif not settings.public_url:
        log.warning("PUBLIC_URL is not set: the carrier's signatures cannot be checked, nobody is let in")
    elif not settings.public_url.startswith("https://"):
        log.warning("PUBLIC_URL is not https: carriers open no stream to %s", settings.public_url)
    if settings.azure_speech_key and not (settings.azure_speech_region or settings.azure_speech_endpoint):
        log.warning("AZURE_SPEECH_REGION or AZURE_SPEECH_ENDPOINT is not set: Azure's speech is not used")
    if settings.azure_openai_api_key and not settings.azure_openai_endpoint:
        log.warning("AZURE_OPENAI_ENDPOINT is not set: Azure's models are not used")

"""`callrelay serve`: read the environment, build the relay, say what it will take, run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

from app.clock import SystemClock
from app.main import Relay, open_models, open_speech
from app.ops.logs import configure_logging
from app.server import RelayServer, claimed_port, uvicorn_config
from app.settings import Settings

# how long a thread of speech work may keep the interpreter from the event loop; Python's own is five times as much
SWITCH_INTERVAL_S = 0.001

log = logging.getLogger("callrelay")


def serve(environment: Mapping[str, str]) -> None:
    """Run until told to stop. Raises RelayError for what cannot be used."""
    settings, clock = Settings.from_environment(environment), SystemClock()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    configure_logging(settings.log_level, settings.log_format)
    with claimed_port(settings.host, settings.port) as listener:
        speech, model = open_speech(settings, clock), open_models(settings, clock)
        relay = Relay(settings, clock, speech, environment, model=model)
        _announce(settings)
        config, drain_s = uvicorn_config(relay.app), settings.drain_seconds
        stalled = relay.operations.stalled
        RelayServer(config, clock, relay.admission, relay.registry, drain_s, stalled).run([listener])


def _announce(settings: Settings) -> None:
    if not settings.auth_tokens:
        log.warning("TWILIO_AUTH_TOKEN is not set: only callers on this machine are let in")
    elif not settings.public_url:
        log.warning("PUBLIC_URL is not set: the carrier's signatures cannot be checked, nobody is let in")

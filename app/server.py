"""The running server: uvicorn, and what SIGTERM means to people who are talking.

uvicorn closes live WebSockets as soon as it is told to exit. So the first signal only stops new calls from coming
in; uvicorn is told when the last call has ended and its carrier has reported that, or when the drain time is over. A
second signal does not wait.

A part that must go on for ever and fails takes everything down with it (the application's lifespan is over then). The
process ends, so that whoever keeps it puts another one in its place.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from app.call.admission import Admission
from app.call.registry import CallRegistry
from app.clock import Clock
from app.errors import SettingsError
from app.ops.garbage import GarbageCollection
from app.ops.watchdog import LoopWatchdog
from app.websocket import WebSocketProtocol

log = logging.getLogger("callrelay")

MESSAGE_BYTES_MAX = 64 * 1024


def claimed_port(host: str, port: int) -> socket.socket:
    """A socket bound to the address, on which nothing is let in yet. Raises SettingsError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    claimed = socket.socket(family)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        claimed.bind((host, port))
    except OSError as error:
        claimed.close()
        raise SettingsError(
            f"HOST, PORT: cannot listen on {host}:{port} ({error.strerror}); set PORT to a free port "
            "(0 takes any), and HOST to an address of this machine"
        ) from error
    return claimed


def uvicorn_config(app: ASGIApp) -> uvicorn.Config:
    """How callrelay runs under uvicorn: no compression (audio does not compress, and bombs do), small messages."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        ws=WebSocketProtocol,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=5,
    )


class RelayServer(uvicorn.Server):
    """uvicorn that lets calls finish, for at most `drain_s` seconds; `stalled` is told when the loop stands still."""

    def __init__(
        self,
        config: uvicorn.Config,
        clock: Clock,
        admission: Admission,
        registry: CallRegistry,
        drain_s: float,
        stalled: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._watchdog = LoopWatchdog(clock, stalled)
        self._garbage = GarbageCollection(clock)
        self._clock = clock
        self._admission = admission
        self._registry = registry
        self._drain_s = drain_s
        self._drain_until: float | None = None

    @property
    def failed(self) -> bool:
        """Whether it ended, or must end, by a defect."""
        return bool(self.lifespan.error_occurred)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Warm up, then listen; and say where, since uvicorn does not for sockets that it is given."""
        log.info("warming up: it takes no call before the speech engines have spoken once")
        await super().startup(sockets)
        self._garbage.begin()
        if self._drain_until is not None:
            return
        for listening in sockets or ():
            host, port, *_ = listening.getsockname()
            log.info("ready for calls on http://%s:%d", f"[{host}]" if ":" in host else host, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second exits. Neither is raised again at the end, as uvicorn would."""
        if self._drain_until is not None:
            self.should_exit = True
            return
        self._admission.draining = True
        self._drain_until = self._clock.now() + self._drain_s
        calls = len(self._registry)
        if calls:
            log.info("no new calls; %d may go on for %d s", calls, self._drain_s)
        elif not self.started:
            # uvicorn does not break off a start; nothing has begun that the system's own way would harm
            log.info("told to stop: it ends when it has warmed up; a second signal does not wait")
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, signal.SIG_DFL)
        else:
            log.info("no new calls; nobody is talking, so it ends now")

    async def main_loop(self) -> None:
        """Serve; a loop that stands still is noticed."""
        with self._watchdog:
            await super().main_loop()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: exit once nothing is left to do for a call, or nothing can be done."""
        if self.failed and not self.should_exit:
            log.error("a part of the server has failed, and no call can be held: it ends")
            self.should_exit = True
        if self._drain_until is not None:
            late = self._clock.now() >= self._drain_until
            self.should_exit = self.should_exit or late or self._registry.at_rest
        self._garbage.look(len(self._registry))
        return await super().on_tick(counter)


class SupervisedServer(RelayServer):
    """One of several workers: tells its supervisor when it takes calls, and drains when there is none any more."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._alone)
        print("ready", flush=True)

    def _alone(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        log.error("the supervisor is gone")
        self.handle_exit(signal.SIGTERM, None)

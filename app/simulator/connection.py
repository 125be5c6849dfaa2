"""One media stream on a socket: moves messages between the carrier's sans-I/O half and the wire."""

from __future__ import annotations

import asyncio

from app.clock import Clock
from app.simulator.caller import Caller
from app.simulator.carriage import Socket
from app.simulator.stream import MediaStream
from app.simulator.wire import NOT_COMPLIANT, ServerFault

NORMAL_CLOSES = (1000, 1001, 1005)


class StreamConnection:
    """A Listener of the socket's and a participant of the ticker's. `over` is set when the stream has ended."""

    def __init__(self, stream: MediaStream, caller: Caller, clock: Clock) -> None:
        self.stream = stream
        self.over = asyncio.Event()
        self.errors: list[str] = []
        self._caller = caller
        self._clock = clock
        self._socket: Socket | None = None

    def opened(self, socket: Socket, parameters: dict[str, str]) -> None:
        """The handshake is done: say what a carrier says first."""
        self._socket = socket
        now = self._clock.now()
        self._caller.joined(self.stream, now)
        self._send(self.stream.opening(parameters, now))

    def tick(self, now: float) -> None:
        """Another 20 ms have passed."""
        if self.over.is_set() or self._socket is None:
            return
        self._send(self.stream.tick(now))
        self._send(self._caller.tick(now))
        if self.stream.lost(now):
            self._end()
            self._socket.abort()
        elif self._caller.hung_up:
            self.hang_up()

    def hang_up(self) -> None:
        """The caller is gone: `stop`, then a normal close."""
        if self.over.is_set() or self._socket is None:
            return
        self._end()
        self._send(self.stream.stop(self._clock.now()))
        self._socket.close()

    def message(self, data: str | bytes) -> None:
        if self.over.is_set():
            return
        if self._socket is None:
            self.stream.server_faults.append(ServerFault(NOT_COMPLIANT, "a message before `start`"))
        else:
            self._send(self.stream.receive(data, self._clock.now()))

    def closed(self, code: int, reason: str) -> None:
        if self.over.is_set():
            return
        if code not in NORMAL_CLOSES:
            self.errors.append(f"31921 the stream was closed with {code}{f': {reason}' if reason else ''}")
        self._end()

    def _end(self) -> None:
        self.stream.ended(self._clock.now())
        self.over.set()

    def _send(self, messages: list[str]) -> None:
        if self._socket is not None:
            for message in messages:
                self._socket.send(message)

    def __repr__(self) -> str:
        return f"StreamConnection({self.stream!r}, {'over' if self.over.is_set() else 'live'})"

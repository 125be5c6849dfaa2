"""What goes out on a stream, in order: nothing overtakes what the line did not take at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.audio.playout import Playout
from app.carriers.events import ClearAudio, OutboundCommand, PlayAudio
from app.clock import Clock


class Line(Protocol):
    """Where commands go, in order. What `write` refuses must be sent before anything else is written."""

    def write(self, command: OutboundCommand) -> bool:
        """Send it if that can be done at once; False: nothing was sent."""
        ...

    async def send(self, command: OutboundCommand) -> None:
        """Send it, waiting while the peer is slow."""
        ...


class Outbox:
    """Sends what a playout says is due, and tells `sent` of all audio that can be heard."""

    def __init__(self, clock: Clock, playout: Playout, line: Line) -> None:
        self._clock = clock
        self._playout = playout
        self._line = line
        self._unsent: OutboundCommand | None = None
        self._must_clear = False

    def clear(self) -> None:
        """`clear` goes before all else; what is being sent will not be heard."""
        self._must_clear = True

    def send_due(self, sent: Callable[[PlayAudio], None]) -> None:
        """Send what may go now, as far as the line takes it at once."""
        while not self._unsent and (command := self._next_due()):
            if self._line.write(command):
                self._went(command, sent)
            else:
                self._unsent = command

    async def send_all_due(self, sent: Callable[[PlayAudio], None]) -> None:
        """Send what may go now, waiting while the peer is slow."""
        self.send_due(sent)
        while command := self._unsent:
            await self._line.send(command)
            self._unsent = None
            self._went(command, sent)
            self.send_due(sent)

    def _next_due(self) -> OutboundCommand | None:
        if self._must_clear:
            self._must_clear = False
            return ClearAudio()
        return self._playout.next_due(self._clock.now())

    def _went(self, command: OutboundCommand, sent: Callable[[PlayAudio], None]) -> None:
        if isinstance(command, PlayAudio) and not self._must_clear:
            sent(command)

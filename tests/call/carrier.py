"""A carrier's end of a stream, as commands: plays in real time, echoes marks when their audio has been played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from app.carriers.events import ClearAudio, OutboundCommand, PlayAudio, SendMark
from app.clock import Clock


@dataclass
class FakeCarrier:
    clock: Clock
    mark_reached: Callable[[str], None] = lambda name: None
    played: bytearray = field(default_factory=bytearray)
    gaps_ms: list[float] = field(default_factory=list)
    most_buffered_ms: float = 0.0
    slow: bool = False
    cleared_at: list[float] = field(default_factory=list)
    _plays_until: float = 0.0
    _timers: dict[asyncio.TimerHandle, str] = field(default_factory=dict)

    def write(self, command: OutboundCommand) -> bool:
        if not self.slow:
            self._take(command)
        return not self.slow

    async def send(self, command: OutboundCommand) -> None:
        await asyncio.sleep(0)
        self._take(command)

    def _take(self, command: OutboundCommand) -> None:
        now = self.clock.now()
        match command:
            case PlayAudio(payload=payload):
                if self.played and now > self._plays_until + 1e-6:
                    self.gaps_ms.append((now - self._plays_until) * 1000)
                self._plays_until = max(now, self._plays_until) + len(payload) / 8000
                self.played += payload
                self.most_buffered_ms = max(self.most_buffered_ms, (self._plays_until - now) * 1000)
            case SendMark(name=name):
                timer = asyncio.get_running_loop().call_later(self._plays_until - now, self._echo, name)
                self._timers[timer] = name
            case ClearAudio():
                self.cleared_at.append(now)
                del self.played[len(self.played) - max(0, round((self._plays_until - now) * 8000)) :]
                self._plays_until = now
                for timer, name in self._timers.items():
                    if not timer.cancelled() and timer.when() > now:
                        timer.cancel()
                        self.mark_reached(name)

    def _echo(self, name: str) -> None:
        self.mark_reached(name)

"""What a bad network does to the stream: delay, loss, repetition, disorder, standstill. Seeded.

Loss, repetition and disorder befall media only: a carrier's other messages arrive. A standstill holds
everything back and then releases it at once, in order, as TCP does. Times are in milliseconds since the
stream began, probabilities 0..1 for each frame.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from random import Random

REORDERED_BY_S = 0.03


@dataclass(frozen=True, slots=True)
class Faults:
    """What shall go wrong. The default is nothing."""

    delay_ms: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    stall_at_ms: float | None = None
    stall_for_ms: float = 0.0
    mark_delay_ms: float = 0.0
    lose_at_ms: float | None = None
    seed: int = 0


@dataclass(slots=True)
class FaultyLink:
    """Takes messages in, and hands out those that have arrived. `began_at` in monotonic seconds."""

    faults: Faults
    began_at: float
    _random: Random = field(init=False)
    _waiting: list[tuple[float, int, str]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self._random = Random(self.faults.seed)

    def media(self, message: str, now: float) -> None:
        """A frame of the caller's audio is on its way."""
        faults, chance = self.faults, self._random.random
        if faults.drop and chance() < faults.drop:
            return
        late_s = REORDERED_BY_S if faults.reorder and chance() < faults.reorder else 0.0
        self._put(message, now + late_s)
        if faults.duplicate and chance() < faults.duplicate:
            self._put(message, now + late_s)

    def mark(self, message: str, now: float) -> None:
        """An echoed mark is on its way."""
        self._put(message, now + self.faults.mark_delay_ms / 1000)

    def other(self, message: str, now: float) -> None:
        """Any other message is on its way."""
        self._put(message, now)

    def arrived(self, now: float) -> list[str]:
        """The messages that reach the server by `now`, in order of arrival."""
        messages: list[str] = []
        if self._stalled(now):
            return messages
        while self._waiting and self._waiting[0][0] <= now + 1e-6:
            messages.append(heapq.heappop(self._waiting)[2])
        return messages

    def lost(self, now: float) -> bool:
        """Whether the network has gone for good."""
        at = self.faults.lose_at_ms
        return at is not None and (now - self.began_at) * 1000 >= at

    def _stalled(self, now: float) -> bool:
        at, ms = self.faults.stall_at_ms, (now - self.began_at) * 1000
        return at is not None and at <= ms < at + self.faults.stall_for_ms

    def _put(self, message: str, arrives_at: float) -> None:
        heapq.heappush(self._waiting, (arrives_at + self.faults.delay_ms / 1000, next(self._order), message))

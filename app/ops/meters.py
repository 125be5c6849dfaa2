"""What the server knows of its own doing lately: answer times, and how late the event loop runs. Bounded by time and
by count."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.call.timeline import Timeline
from app.clock import Clock

WINDOW_S = 300.0
TURNS_KEPT = 10_000
LAG_EVERY_S = 0.25

STAGES = {
    "ai": ("stt_final", "decide"),
    "audio": ("endpoint", "speech_first_byte"),
}


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile (`share` 0..1), None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


@dataclass(slots=True)
class Meters:
    """Counts turns and measures the loop."""

    clock: Clock
    _turns: deque[tuple[float, Timeline]] = field(default_factory=lambda: deque(maxlen=TURNS_KEPT))
    _lags_ms: deque[float] = field(default_factory=lambda: deque(maxlen=int(WINDOW_S / LAG_EVERY_S)))

    def turn(self, timeline: Timeline) -> None:
        """A turn was answered."""
        self._turns.append((self.clock.now(), timeline))

    async def watch_loop(self) -> None:
        """Measure for ever how late timers run."""
        while True:
            due = self.clock.now() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lags_ms.append(max(0.0, (self.clock.now() - due) * 1000))

    @property
    def loop_lag_p95_ms(self) -> float | None:
        """How late the event loop ran, 95th percentile of the last five minutes."""
        return percentile(self._lags_ms, 0.95)

    def answers_ms(self) -> list[float]:
        """Time from the end of the caller's speech to the answer, each turn of the last five minutes."""
        return [t.answer_ms for t in self._recent() if t.answer_ms is not None]

    def breakdown_ms(self) -> dict[str, float | None]:
        """Mean milliseconds a turn by kind of work."""
        recent = self._recent()
        sums = {kind: self._mean([_spent(t, stages) for t in recent]) for kind, stages in STAGES.items()}
        return {"network": None, **sums, "overhead": self._mean([t.overhead_ms for t in recent])}

    def _recent(self) -> list[Timeline]:
        since = self.clock.now() - WINDOW_S
        while self._turns and self._turns[0][0] < since:
            self._turns.popleft()
        return [timeline for _, timeline in self._turns]

    @staticmethod
    def _mean(values: Sequence[float]) -> float | None:
        return round(sum(values) / len(values), 2) if values else None


def _spent(timeline: Timeline, stages: Sequence[str]) -> float:
    spans = [timeline.stages[name] for name in stages if name in timeline.stages]
    return sum(end - start for start, end in spans)

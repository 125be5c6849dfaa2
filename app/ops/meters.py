"""What the server knows of its own doing lately: answer times, and how late the event loop runs. Bounded by time and
by count."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.call.timeline import Timeline
from app.clock import Clock

WINDOW_S = 300.0
TURNS_KEPT = 10_000
LAG_EVERY_S = 0.25

AI_STAGES = ("stt_final", "decide")
AUDIO_STAGES = ("endpoint", "speech_first_byte")


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile (`share` 0..1), None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


class _Turn(NamedTuple):
    """What is kept of a turn: a timeline would be ten times as large."""

    at: float
    answer_ms: float
    ai_ms: float
    audio_ms: float
    overhead_ms: float


@dataclass(slots=True)
class Meters:
    """Counts turns and measures the loop."""

    clock: Clock
    _turns: deque[_Turn] = field(default_factory=lambda: deque(maxlen=TURNS_KEPT))
    _lags_ms: deque[float] = field(default_factory=lambda: deque(maxlen=int(WINDOW_S / LAG_EVERY_S)))

    def turn(self, timeline: Timeline) -> None:
        """A turn was answered."""
        self._forget_old()
        ai_ms, audio_ms = (_spent(timeline, stages) for stages in (AI_STAGES, AUDIO_STAGES))
        answer_ms = timeline.answer_ms or 0.0
        self._turns.append(_Turn(self.clock.now(), answer_ms, ai_ms, audio_ms, timeline.overhead_ms))

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
        self._forget_old()
        return [turn.answer_ms for turn in self._turns]

    def breakdown_ms(self) -> dict[str, float | None]:
        """Mean milliseconds a turn by kind of work; the network's share cannot be seen from here."""
        self._forget_old()
        return {
            "network": None,
            "ai": _mean([turn.ai_ms for turn in self._turns]),
            "audio": _mean([turn.audio_ms for turn in self._turns]),
            "overhead": _mean([turn.overhead_ms for turn in self._turns]),
        }

    def _forget_old(self) -> None:
        since = self.clock.now() - WINDOW_S
        while self._turns and self._turns[0].at < since:
            self._turns.popleft()


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


def _spent(timeline: Timeline, stages: Sequence[str]) -> float:
    spans = [timeline.stages[name] for name in stages if name in timeline.stages]
    return sum(end - start for start, end in spans)

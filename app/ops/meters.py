"""What the server knows of its own doing lately: answer times, and how late the event loop runs. Bounded by time and
by count."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.call.timeline import Timeline
from app.clock import Clock
from app.ops.ring import Ring

WINDOW_S = 300.0
TURNS_KEPT = 10_000
LAG_EVERY_S = 0.25

# what kind of work a stage is; the last is waiting and is measured as such
KINDS = {
    "endpoint": "audio",
    "stt_final": "ai",
    "decide": "ai",
    "model_first_token": "ai",
    "service": "service",
    "speech_first_byte": "audio",
}


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile (`share` 0..1), None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


@dataclass(slots=True)
class Meters:
    """Counts turns and measures the loop."""

    clock: Clock
    _turns: Ring = field(default_factory=lambda: Ring(TURNS_KEPT, 6))
    _lags: Ring = field(default_factory=lambda: Ring(int(WINDOW_S / LAG_EVERY_S), 2))

    def turn(self, timeline: Timeline) -> None:
        """A turn was answered."""
        spent = _spent_ms(timeline.stages)
        kinds_ms = spent["ai"], spent["audio"], spent["service"]
        self._turns.add(self.clock.now(), timeline.answer_ms or 0.0, *kinds_ms, timeline.overhead_ms)

    async def watch_loop(self) -> None:
        """Measure for ever how late timers run."""
        while True:
            due = self.clock.now() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lags.add(due, max(0.0, (self.clock.now() - due) * 1000))

    @property
    def loop_lag_p95_ms(self) -> float | None:
        """How late the event loop ran, 95th percentile of the last five minutes."""
        (lags_ms,) = self._lags.since(self._window)
        return percentile(lags_ms.tolist(), 0.95)

    def answers_ms(self) -> list[float]:
        """Time from the end of the caller's speech to the answer, each turn of the last five minutes."""
        return self.answers_since_ms(self._window)

    def answers_since_ms(self, at: float) -> list[float]:
        """The same of each turn since a moment, in monotonic seconds."""
        answers_ms, *_ = self._turns.since(at)
        return list(answers_ms.tolist())

    def breakdown_ms(self) -> dict[str, float | None]:
        """Mean milliseconds a turn by kind of work; the network's share cannot be seen from here."""
        _, ai_ms, audio_ms, service_ms, overhead_ms = self._turns.since(self._window)
        return {
            "network": None,
            "ai": _mean(ai_ms),
            "audio": _mean(audio_ms),
            "service": _mean(service_ms),
            "overhead": _mean(overhead_ms),
        }

    @property
    def _window(self) -> float:
        return self.clock.now() - WINDOW_S


def _mean(values: NDArray[np.float64]) -> float | None:
    return round(float(values.mean()), 2) if len(values) else None


def waited_ms(stages: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """How long each stage ([start, end] after the end of speech) was waited for, in milliseconds.

    What went on while something before it lasted was not waited for, so together they are no more than the answer took.
    """
    waited, over = {}, 0.0
    for name, (start, end) in stages.items():
        waited[name] = max(0.0, end - max(start, over))
        over = max(over, end)
    return waited


def _spent_ms(stages: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The same by kind of work."""
    spent = dict.fromkeys(KINDS.values(), 0.0)
    for name, ms in waited_ms(stages).items():
        if name in KINDS:
            spent[KINDS[name]] += ms
    return spent

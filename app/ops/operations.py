"""What operators see of one process, put together: figures, calls, alerts."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector

from app.clock import Clock
from app.ops.call_book import CallBook
from app.ops.health import Health
from app.ops.state_metrics import StateMetrics
from app.ops.watch import Watch
from app.orchestrator.ladder import Economy, Ladder


class Operations:
    """`book` sees the records of all calls; `watch` runs for as long as the server does."""

    def __init__(
        self,
        clock: Clock,
        health: Health,
        figures: CollectorRegistry,
        book: CallBook,
        ladder: Ladder,
        economy: Economy,
    ) -> None:
        self._clock = clock
        self._health = health
        self.figures = figures
        self.book = book
        self.watch = Watch(clock, health, book, ladder, economy)
        self._stalls = 0
        self.figures.register(StateMetrics(health, self.watch, lambda: self._stalls))
        ProcessCollector(registry=self.figures)

    def report(self) -> dict[str, Any]:
        """The body of /health."""
        return self._health.report()

    def answers_ms(self) -> list[float]:
        """What the answer times in it are made of."""
        return self._health.meters.answers_ms()

    def stalled(self) -> None:
        """The event loop stood still."""
        self._stalls += 1

    def state(self) -> dict[str, Any]:
        """Everything the console shows."""
        quality = self._health.quality
        return {
            "at": self._clock.wall().isoformat(timespec="seconds").replace("+00:00", "Z"),
            "health": self._health.report(),
            "alerts": self.watch.alerts.as_json(),
            "quality": {
                "threshold": quality.threshold,
                "flows": quality.by_flow,
                "turns": quality.turns_by_flow,
            },
            "maximumMs": self.watch.ladder.maximum_ms,
            "economy": {"in_force": sorted(self.watch.economy.in_force), "steps": list(self.watch.steps)},
            "calls": self.book.as_json(),
        }

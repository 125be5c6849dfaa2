"""Once a second: whether answers come in time, and whether anything calls for somebody.

What the ladder decides is carried out by who reads `economy`; each step goes to the log, to the records of the calls
that go on, and to the console.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from app.clock import Clock
from app.ops.alerts import Alerts
from app.ops.call_book import CallBook
from app.ops.health import Health
from app.ops.meters import percentile
from app.orchestrator.ladder import Economy, Ladder, Recent, Step

log = logging.getLogger("callrelay.ops")

LOOK_EVERY_S = 1.0
STEPS_KEPT = 20


class Watch:
    """Looks at what the others know."""

    def __init__(
        self, clock: Clock, health: Health, book: CallBook, ladder: Ladder, economy: Economy
    ) -> None:
        self._clock = clock
        self._health = health
        self._book = book
        self.ladder = ladder
        self.economy = economy
        self.alerts = Alerts(clock)
        self.steps: deque[dict[str, Any]] = deque(maxlen=STEPS_KEPT)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Take or lift a measure if it is time; raise and clear alerts."""
        now = self._clock.now()
        answers_ms = self._health.meters.answers_since_ms(self.ladder.window_s(now))
        if step := self.ladder.look(Recent(len(answers_ms), percentile(answers_ms, 0.95)), now):
            self._carry_out(step)
        self.alerts.look(self._found())

    def _carry_out(self, step: Step) -> None:
        self.economy.in_force = frozenset(self.ladder.in_force)
        taken = step.way == "down"
        log.warning("%s %s: %s", "takes" if taken else "lifts", step.measure, step.why)
        at = self._clock.wall().isoformat(timespec="seconds").replace("+00:00", "Z")
        self.steps.append({"at": at, "way": step.way, "measure": step.measure, "why": step.why})
        for sid in self._health.registry.sids:
            call = self._health.registry.get(sid)
            if call and not call.over:
                call.journal.write("adapted", way=step.way, measure=step.measure, why=step.why)

    def _found(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if quality := self._health.quality.alarm():
            found["quality"] = f"{quality}; the console shows which turns"
        if self._book.unwritten:
            found["journal"] = (
                f"the disk did not take the records of {self._book.unwritten} calls; see the log"
            )
        breakers = self._health.breakers()
        for name, report in self._health.providers().items():
            if name in breakers and breakers[name].locked:
                found[f"provider {name}"] = "its credentials are wrong: mend the settings and start again"
            elif report["state"] == "down":
                found[f"provider {name}"] = "is down; it is tried again by itself, the log says why"
        for name, report in self._health.flows.report().items():
            if report["error"]:
                first, *_ = report["error"].splitlines()
                found[f"flow {name}"] = f"what was saved is not used: {first}"
        return found

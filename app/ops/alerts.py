"""What calls for somebody: raised, told in the log, and cleared when it is over."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from app.clock import Clock

log = logging.getLogger("callrelay.alerts")


@dataclass(frozen=True, slots=True)
class Alert:
    """`name` stays the same while it lasts; `text` says what to do; `since` is a date and time, in UTC."""

    name: str
    text: str
    since: str


class Alerts:
    """Those that stand now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._standing: dict[str, Alert] = {}

    def look(self, found: Mapping[str, str]) -> None:
        """`found` is what is wrong now: texts by name."""
        for name in self._standing.keys() - found.keys():
            log.info("alert over: %s", self._standing.pop(name).name)
        for name, text in found.items():
            if name not in self._standing:
                log.error("alert: %s: %s", name, text)
                since = self._clock.wall().isoformat(timespec="seconds").replace("+00:00", "Z")
                self._standing[name] = Alert(name, text, since)

    @property
    def names(self) -> list[str]:
        return list(self._standing)

    def as_json(self) -> list[dict[str, str]]:
        """The oldest first."""
        return [asdict(alert) for alert in self._standing.values()]

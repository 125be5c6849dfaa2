"""Which ways calls have gone, by flow and version, kept in DATA_DIR/learned.sqlite3 for the next start.

Counting is done in memory; once a minute and at the end what is new is added to the file, beside the event loop, so
that several processes may add to the same. A file that cannot be used is said once and costs the memory of past calls,
nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from app.call.aside import Aside
from app.clock import Clock
from app.flow.chances import Chances
from app.flow.model import Flow

log = logging.getLogger("callrelay.flows")

SAVE_EVERY_S = 60.0
LOCK_PATIENCE_S = 5.0
VERSIONS_KEPT = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ways (
    flow TEXT NOT NULL, version TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL,
    calls INTEGER NOT NULL, last REAL NOT NULL, PRIMARY KEY (flow, version, source, target)
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO ways VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, last = excluded.last
"""
_READ = "SELECT source, target, calls FROM ways WHERE flow = ? AND version = ?"
_VERSIONS = "SELECT version FROM ways WHERE flow = ? GROUP BY version ORDER BY max(last) DESC"
_FORGET = "DELETE FROM ways WHERE flow = ? AND version = ?"

Way = tuple[str, str, str, str]


class LearnedChances:
    """One process's. `run` saves, for ever; `save` it once more at the end."""

    def __init__(self, data_dir: Path, clock: Clock, aside: Aside) -> None:
        self._path = data_dir / "learned.sqlite3"
        self._clock = clock
        self._aside = aside
        self._known: dict[tuple[str, str], Chances] = {}
        self._new: Counter[Way] = Counter()
        self._troubled = False

    def of(self, flow: Flow) -> Chances:
        """What is known of a version. `load` reads what earlier calls have left."""
        return self._known.setdefault((flow.name, flow.version), Chances())

    def saw(self, flow: Flow, source: str, target: str) -> None:
        """A call has gone that way."""
        self.of(flow).saw(source, target)
        self._new[flow.name, flow.version, source, target] += 1

    def load(self, flow: Flow) -> None:
        """Begin with what the file knows of a version, or of the last one before it. Some milliseconds."""
        if (flow.name, flow.version) in self._known or not self._path.exists():
            return
        try:
            with closing(self._opened()) as database:
                self._known[flow.name, flow.version] = _read(database, flow)
        except sqlite3.Error as error:
            self._alarm(error)

    async def run(self) -> None:
        """Save what is new, for ever."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            await self.save()

    async def save(self) -> None:
        """Add what is new to the file; what the disk does not take waits for the next time."""
        new, self._new = self._new, Counter()
        if new and not await self._aside(partial(self._add, new)):
            self._new.update(new)

    def _add(self, new: Mapping[Way, int]) -> bool:
        now = self._clock.wall().timestamp()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(0o600)
            with closing(self._opened()) as database, database:
                database.executemany(_ADD, [(*way, calls, now) for way, calls in new.items()])
                for name in {way[0] for way in new}:
                    _forget_old(database, name)
        except (OSError, sqlite3.Error) as error:
            self._alarm(error)
            return False
        self._troubled = False
        return True

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=LOCK_PATIENCE_S)
        database.execute(_SCHEMA)
        return database

    def _alarm(self, error: Exception) -> None:
        if not self._troubled:
            log.warning(
                "%s: which ways calls go cannot be kept (%s); free the disk or its rights", self._path, error
            )
        self._troubled = True


def _read(database: sqlite3.Connection, flow: Flow) -> Chances:
    versions = [version for (version,) in database.execute(_VERSIONS, (flow.name,))]
    found = Chances()
    version = flow.version if flow.version in versions else next(iter(versions), "")
    for source, target, calls in database.execute(_READ, (flow.name, version)):
        found.saw(source, target, calls)
    return found if version == flow.version else found.inherited(flow.renamed)


def _forget_old(database: sqlite3.Connection, flow: str) -> None:
    versions = [version for (version,) in database.execute(_VERSIONS, (flow,))]
    for version in versions[VERSIONS_KEPT:]:
        database.execute(_FORGET, (flow, version))

"""What the workers of one server put up for each other in DATA_DIR/state.sqlite3: each worker's latest of each kind.

Who has put up nothing of a kind for some seconds is gone. Its figures stay for as long as its server runs, for sums
that fell would be read as new beginnings. A server is known by a name that its supervisor draws for each run: the
numbers of processes come again, in containers always the same ones.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from app.call.state_file import open_state
from app.clock import Clock

log = logging.getLogger("callrelay")

# the environment variable in which workers find their server's name
RUN = "CALLRELAY_RUN"
WORKERS_KEPT = 64
# in place of a process: the sum of the figures of those that have been gone for longest
FOLDED = 0
# what cannot be put up now is put up the next time; calls do not wait for it
LOCK_PATIENCE_MS = 20

Kind = Literal["health", "figures", "state", "look"]

FORGOTTEN_AFTER_S: Final[Mapping[Kind, float]] = {"health": 5.0, "figures": 15.0, "state": 5.0, "look": 5.0}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS worker_posts (
    kind TEXT, run TEXT, process INTEGER, put_at REAL, post BLOB, PRIMARY KEY (kind, run, process)
)
"""
_PUT = "INSERT OR REPLACE INTO worker_posts VALUES (?, ?, ?, ?, ?)"
_OTHERS = "FROM worker_posts WHERE kind = ? AND run = ? AND process != ?"
_FRESH = f"SELECT post {_OTHERS} AND put_at BETWEEN ? AND ?"
_GONE = f"SELECT post {_OTHERS} AND put_at NOT BETWEEN ? AND ?"
_LONGEST_GONE = f"""
SELECT process, put_at, post {_OTHERS} AND put_at NOT BETWEEN ? AND ? ORDER BY put_at DESC LIMIT -1 OFFSET ?
"""
_TAKE_DOWN = "DELETE FROM worker_posts WHERE kind = ? AND run = ? AND process = ?"
_CLEAR = """
DELETE FROM worker_posts WHERE run != ?
AND run NOT IN (SELECT run FROM worker_posts WHERE put_at BETWEEN ? AND ?)
"""


class Posts:
    """Of this process and the others of its server's `run`, for one thread at a time.

    Raises SettingsError when the file cannot be used; later that is a warning.
    """

    def __init__(self, data_dir: Path, clock: Clock, run: str) -> None:
        self._clock = clock
        self._run = run
        self._database = open_state(data_dir, _SCHEMA)
        with suppress(sqlite3.Error):
            self._database.execute(f"PRAGMA busy_timeout = {LOCK_PATIENCE_MS}")
            self._database.execute(_CLEAR, (run, *self._lately("figures")))

    def put(self, kind: Kind, post: bytes) -> bool:
        """Instead of the last one; False when it could not be put up."""
        try:
            self._database.execute(_PUT, (kind, self._run, os.getpid(), self._clock.now(), post))
        except sqlite3.Error as error:
            log.warning("this worker's %s cannot be put up: %s", kind, error)
            return False
        return True

    def take_down(self, kind: Kind) -> None:
        """One's own."""
        with suppress(sqlite3.Error):
            self._database.execute(_TAKE_DOWN, (kind, self._run, os.getpid()))

    def fresh(self, kind: Kind) -> list[bytes]:
        """Those of the other workers that there are."""
        return self._read(kind, _FRESH)

    def gone(self, kind: Kind) -> list[bytes]:
        """The last of those that are gone."""
        return self._read(kind, _GONE)

    def fold(self, kind: Kind, together: Callable[[Sequence[bytes]], bytes]) -> None:
        """Of many that are gone keep the latest, and one that stands for all the rest."""
        with suppress(sqlite3.Error), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            rows = self._database.execute(_LONGEST_GONE, (*self._others(kind), WORKERS_KEPT)).fetchall()
            if len(rows) > 1:
                for process, _, _ in rows:
                    self._database.execute(_TAKE_DOWN, (kind, self._run, process))
                post = together([post for _, _, post in rows])
                since = min(put_at for _, put_at, _ in rows)
                self._database.execute(_PUT, (kind, self._run, FOLDED, since, post))

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._database.close()

    def _read(self, kind: Kind, statement: str) -> list[bytes]:
        try:
            return [post for (post,) in self._database.execute(statement, self._others(kind))]
        except sqlite3.Error as error:
            log.warning("the other workers' %s cannot be read: %s", kind, error)
            return []

    def _others(self, kind: Kind) -> tuple[str, str, int, float, float]:
        return kind, self._run, os.getpid(), *self._lately(kind)

    def _lately(self, kind: Kind) -> tuple[float, float]:
        now = self._clock.now()
        return now - FORGOTTEN_AFTER_S[kind], now

"""What the workers of one server put up for each other in DATA_DIR/state.sqlite3: of each kind its latest, each.

Who has put up nothing of a kind for some seconds is gone. Its figures stay, for sums that fell would be read as new
beginnings; they count for as long as its supervisor lives, or whoever comes after it under the same number.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from app.call.state_file import open_state
from app.clock import Clock

log = logging.getLogger("callrelay")

WORKERS_KEPT = 64

Kind = Literal["health", "figures", "state", "look"]

FORGOTTEN_AFTER_S: Final[Mapping[Kind, float]] = {"health": 5.0, "figures": 15.0, "state": 5.0, "look": 5.0}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS posts (
    kind TEXT, process INTEGER, supervisor INTEGER, put_at REAL, post BLOB, PRIMARY KEY (kind, process)
)
"""
_PUT = "INSERT OR REPLACE INTO posts VALUES (?, ?, ?, ?, ?)"
_OTHERS = "SELECT post FROM posts WHERE kind = ? AND process != ? AND supervisor = ?"
_FRESH = f"{_OTHERS} AND put_at BETWEEN ? AND ?"
_GONE = f"{_OTHERS} AND put_at NOT BETWEEN ? AND ?"
_TAKE_DOWN = "DELETE FROM posts WHERE kind = ? AND process = ?"
_CLEAR = """
DELETE FROM posts WHERE put_at NOT BETWEEN ? AND ? AND (kind != 'figures' OR supervisor != ? OR process NOT IN (
    SELECT process FROM posts GROUP BY process ORDER BY max(put_at) DESC LIMIT ?
))
"""


class Posts:
    """Of this process and the others. Raises SettingsError when the file cannot be used; later that is a warning."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._clock = clock
        self._supervisor = os.getppid()
        self._database = open_state(data_dir, _SCHEMA)
        with suppress(sqlite3.Error):
            self._database.execute(_CLEAR, (*self._lately("figures"), self._supervisor, WORKERS_KEPT))

    def put(self, kind: Kind, post: bytes) -> None:
        """Instead of the last one."""
        row = kind, os.getpid(), self._supervisor, self._clock.now(), post
        try:
            self._database.execute(_PUT, row)
        except sqlite3.Error as error:
            log.warning("this worker's %s cannot be put up: %s", kind, error)

    def take_down(self, kind: Kind) -> None:
        """One's own."""
        with suppress(sqlite3.Error):
            self._database.execute(_TAKE_DOWN, (kind, os.getpid()))

    def fresh(self, kind: Kind) -> list[bytes]:
        """Those of the other workers that there are."""
        return self._read(kind, _FRESH)

    def gone(self, kind: Kind) -> list[bytes]:
        """The last of those that are gone."""
        return self._read(kind, _GONE)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._database.close()

    def _read(self, kind: Kind, statement: str) -> list[bytes]:
        values = kind, os.getpid(), self._supervisor, *self._lately(kind)
        try:
            return [post for (post,) in self._database.execute(statement, values)]
        except sqlite3.Error as error:
            log.warning("the other workers' %s cannot be read: %s", kind, error)
            return []

    def _lately(self, kind: Kind) -> tuple[float, float]:
        now = self._clock.now()
        return now - FORGOTTEN_AFTER_S[kind], now

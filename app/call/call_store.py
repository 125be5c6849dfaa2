"""Where calls are kept that may come back to another worker: checkpoints in DATA_DIR/state.sqlite3.

A call's stream, its webhooks and the streams that follow may reach any worker process, and the one that had it may be
gone. So each call has a row, and each change of the row a number: who changes it must know the number that it has, or
somebody else was there since and has the call now. `held` says that a stream holds it; a row that nobody has touched
by `kept_until` belongs to a worker that is gone.

What a caller said may be in a row, so it is sealed (see `sealing`).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.call.saying import Left
from app.call.sealing import Seal, Unreadable
from app.call.state_file import open_state
from app.clock import Clock
from app.flow.effects import Transfer
from app.flow.inputs import TransferEnded

log = logging.getLogger("callrelay.call")

# beyond any wait for a transfer: a row of before a reboot, when the clock began anew
KEPT_AT_MOST_S = 5 * 3600.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    sid TEXT PRIMARY KEY, changes INTEGER NOT NULL, held INTEGER NOT NULL, kept_until REAL NOT NULL,
    sealed BLOB NOT NULL
)
"""
_BEGIN = "INSERT INTO calls VALUES (?, 1, 0, ?, ?)"
_LOOK = "SELECT changes, held, sealed FROM calls WHERE sid = ?"
_SAVE = "UPDATE calls SET changes = changes + 1, held = ?, kept_until = ?, sealed = ? WHERE sid = ? AND changes = ?"
_CLAIM = """
UPDATE calls SET changes = changes + 1, held = 1, kept_until = ? WHERE sid = ? RETURNING changes, held, sealed
"""
_RENEW = "UPDATE calls SET kept_until = ? WHERE sid = ? AND changes = ?"
_REMOVE = "DELETE FROM calls WHERE sid = ? AND changes = ?"
_STALE = "SELECT sid FROM calls WHERE kept_until NOT BETWEEN ? AND ?"
_CLAIM_STALE = """
UPDATE calls SET changes = changes + 1, held = 1, kept_until = ?
WHERE sid = ? AND kept_until NOT BETWEEN ? AND ? RETURNING changes
"""


class SavedCall(msgspec.Struct, kw_only=True):
    """A call's checkpoint; see `Call`. `began` is in monotonic seconds, `state` the flow's `State`."""

    flow: str
    language: str
    caller: str
    called: str
    seed: int
    began: float
    connects: int
    state: dict[str, Any] | None
    transfer: Transfer | None
    apology: bool
    arriving: TransferEnded | None
    left: Left

    def __repr__(self) -> str:
        return f"SavedCall(flow={self.flow!r}, began={self.began:.1f})"


@dataclass(frozen=True, slots=True)
class Row:
    """A call as it is kept."""

    changes: int
    held: bool
    saved: SavedCall


class StoreTrouble(Exception):
    """The file cannot be used now: the worker that knows a call goes on with it alone."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is to be kept of a call that took a step."""

    sid: str
    saved: SavedCall
    held: bool
    kept_s: float


class CallStore:
    """Every statement is atomic among all workers, and any thread may use it. Methods raise StoreTrouble."""

    def __init__(self, data_dir: Path, clock: Clock, secret: str) -> None:
        """`secret` is the carrier's, empty where there is none. Raises SettingsError when the file cannot be used."""
        self._clock = clock
        self._sealing = Seal(data_dir, secret)
        self._database = open_state(data_dir, _SCHEMA)
        self._lock = threading.Lock()  # a statement of one thread is no part of another's transaction
        self._troubled = False

    def begin(self, sid: str, saved: SavedCall, kept_s: float) -> int:
        """Keep a new call; its first number."""
        self._changed(_BEGIN, sid, self._until(kept_s), self._seal(sid, saved))
        return 1

    def look(self, sid: str) -> Row | None:
        """The call as it is now, None where there is none."""
        return self._row(sid, self._found(_LOOK, sid))

    def save(self, sid: str, changes: int, saved: SavedCall, *, held: bool, kept_s: float) -> bool:
        """Keep what has become of a call; False, and nothing has changed, when somebody else has it now."""
        return self._changed(_SAVE, held, self._until(kept_s), self._seal(sid, saved), sid, changes)

    def save_all(self, checkpoints: Sequence[tuple[Checkpoint, int]]) -> list[bool]:
        """`save` for several calls, each with its number, in one transaction."""
        return self._all_changed(
            _SAVE,
            [
                (one.held, self._until(one.kept_s), self._seal(one.sid, one.saved), one.sid, changes)
                for one, changes in checkpoints
            ],
        )

    def claim(self, sid: str, kept_s: float) -> Row | None:
        """Take the call for a stream, whoever has it."""
        return self._row(sid, self._found(_CLAIM, self._until(kept_s), sid))

    def renew(self, sid: str, changes: int, kept_s: float) -> bool:
        """Say that somebody still looks after the call; False when it is somebody else."""
        return self._changed(_RENEW, self._until(kept_s), sid, changes)

    def renew_all(self, calls: Mapping[str, int], kept_s: float) -> list[bool]:
        """`renew` for several calls, by SID and number, in one transaction."""
        until = self._until(kept_s)
        return self._all_changed(_RENEW, [(until, sid, changes) for sid, changes in calls.items()])

    def remove(self, sid: str, changes: int) -> bool:
        """The call is over; False when somebody else has it now, and it is not."""
        return self._changed(_REMOVE, sid, changes)

    def stale(self) -> Sequence[str]:
        """The calls that nobody looks after any more."""
        return [sid for (sid,) in self._found(_STALE, *self._looked_after())]

    def claim_stale(self, sid: str, kept_s: float) -> int | None:
        """Take a call to end it; its number, None when somebody looks after it again, or has ended it."""
        found = self._found(_CLAIM_STALE, self._until(kept_s), sid, *self._looked_after())
        return int(found[0][0]) if found else None

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        with self._lock:
            self._database.close()

    def _found(self, statement: str, *values: object) -> list[Any]:
        with self._using() as database:
            return database.execute(statement, values).fetchall()

    def _changed(self, statement: str, *values: object) -> bool:
        with self._using() as database:
            return database.execute(statement, values).rowcount == 1

    def _all_changed(self, statement: str, rows: Sequence[Sequence[object]]) -> list[bool]:
        with self._using() as database:
            database.execute("BEGIN IMMEDIATE")
            with database:  # commits, or takes all back
                return [database.execute(statement, row).rowcount == 1 for row in rows]

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._database
        except sqlite3.Error as error:
            if not self._troubled:
                log.error("checkpoints of calls cannot be kept: %s", error)
            self._troubled = True
            raise StoreTrouble from error
        self._troubled = False

    def _looked_after(self) -> tuple[float, float]:
        """Until when the calls are kept that somebody looks after."""
        now = self._clock.now()
        return now, now + KEPT_AT_MOST_S

    def _until(self, kept_s: float) -> float:
        return self._clock.now() + kept_s

    def _seal(self, sid: str, saved: SavedCall) -> bytes:
        return self._sealing.close(msgspec.msgpack.encode(saved), sid)

    def _row(self, sid: str, found: Sequence[tuple[int, int, bytes]]) -> Row | None:
        """One that was sealed with another secret, or by another version of callrelay, is none."""
        for changes, held, sealed in found:
            try:
                plain = self._sealing.open(sealed, sid)
                return Row(changes, bool(held), msgspec.msgpack.decode(plain, type=SavedCall))
            except (Unreadable, ValueError, msgspec.DecodeError):
                log.error(
                    "the checkpoint of call %s cannot be read: sealed with another secret, or outdated", sid
                )
        return None

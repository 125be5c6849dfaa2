"""DATA_DIR/state.sqlite3: what the worker processes of one machine share, and what outlives them.

Moments in it are told by the monotonic clock, which all processes of a machine share (and SQLite's WAL needs one
machine anyway), so a correction of the date makes nothing older or younger. After a reboot nothing in it counts any
more, so a file that is damaged is worth less than the calls that it would stop: it is set aside.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from app.errors import SettingsError

log = logging.getLogger("callrelay.call")

LOCK_PATIENCE_S = 0.1
NAME = "state.sqlite3"
KEY_NAME = "state.key"
KEY_BYTES = 32
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_state(data_dir: Path, schema: str) -> sqlite3.Connection:
    """A connection of one's own to the file, made with this table in it where there is none.

    A statement takes some 30 µs, or up to 100 ms while another process holds the file's lock. Who else has an account
    on the machine cannot read it. Raises SettingsError when it cannot be used.
    """
    path = data_dir / NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        _make(path)
        if damage := _damage(path):
            _set_aside(path, damage)
            _make(path)
        database = _connected(path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(schema)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(
            f"DATA_DIR: {path} cannot be used ({error}); name a folder that can be written to"
        ) from error
    return database


def state_key(data_dir: Path) -> bytes:
    """A random key of this DATA_DIR's own, made the first time; the first worker is there before the others.

    Raises SettingsError when it cannot be kept.
    """
    path = data_dir / KEY_NAME
    try:
        with suppress(FileNotFoundError):
            if len(kept := path.read_bytes()) == KEY_BYTES:
                return kept
        data_dir.mkdir(parents=True, exist_ok=True)
        key = secrets.token_bytes(KEY_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key)
    except OSError as error:
        raise SettingsError(
            f"DATA_DIR: {path} cannot be used ({error}); name a folder that can be written to"
        ) from error
    return key


def _make(path: Path) -> None:
    """Make the file where there is none. One that is there is not opened: closing it would drop this process's locks
    on it (POSIX), and then the next process to close its connection takes the log away from all others.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=LOCK_PATIENCE_S, isolation_level=None, check_same_thread=False)


def _damage(path: Path) -> str:
    """What is wrong inside the file, empty when nothing is. Raises sqlite3.Error when it cannot be looked at."""
    with closing(_connected(path)) as database:
        try:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            # extended result codes have their kind in the low byte
            if error.sqlite_errorcode & 0xFF in DAMAGE:
                return str(error)
            raise
    return "" if found == "ok" else " ".join(found.split())


def _set_aside(path: Path, damage: str) -> None:
    """With its log: SQLite would play that into a new file of the same name."""
    aside = path.with_name(f"{path.name}.damaged")
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    log.warning(
        "%s is damaged (%s) and is now %s: calls go on without it, those of before do not",
        path,
        damage,
        aside.name,
    )

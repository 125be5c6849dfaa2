"""DATA_DIR/state.sqlite3: what the worker processes of one machine share, and what outlives them.

Moments in it are told by the monotonic clock, which all processes of a machine share (and SQLite's WAL needs one
machine anyway), so a correction of the date makes nothing older or younger.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from app.errors import SettingsError

LOCK_PATIENCE_S = 0.1
NAME = "state.sqlite3"


def open_state(data_dir: Path, schema: str) -> sqlite3.Connection:
    """A connection of one's own to the file, made with this table in it where there is none.

    A statement takes some 30 µs, or up to 100 ms while another process holds the file's lock. Who else has an account
    on the machine cannot read it. Raises SettingsError when it cannot be used.
    """
    path = data_dir / NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(
            path, timeout=LOCK_PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=OFF")
        database.execute(schema)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(
            f"DATA_DIR: {path} cannot be used ({error}); name a folder that can be written to"
        ) from error
    return database

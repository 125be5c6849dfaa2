"""One-shot tokens that tie a media stream to the voice webhook that asked for it.

A token goes out in signed TwiML and comes back in the stream's `start`. Any worker process may get either, so
tokens live in DATA_DIR/state.sqlite3, as SHA-256 only: who reads the file cannot open a stream. Whatever goes wrong
with the file, nobody is let in.

Age is told by the monotonic clock. After a reboot that begins anew; tokens of before are then too old or too new, and
refused.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from pathlib import Path

from app.call.state_file import NAME, open_state
from app.clock import Clock
from app.errors import Overloaded

LIFETIME_S = 60.0
TOKEN_BYTES = 24

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stream_tokens (
    digest BLOB PRIMARY KEY, call_sid TEXT NOT NULL, minted_at REAL NOT NULL
) WITHOUT ROWID
"""
_PURGE = "DELETE FROM stream_tokens WHERE minted_at NOT BETWEEN ? AND ?"
_KEEP = "INSERT INTO stream_tokens VALUES (?, ?, ?)"
_CONSUME = "DELETE FROM stream_tokens WHERE digest = ? RETURNING call_sid, minted_at"


class StreamTokens:
    """Mints and consumes. Either takes some 30 µs, or up to 100 ms while another process holds the file's lock."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        """Opens the file, making it where there is none. Raises SettingsError when it cannot be used."""
        self._clock = clock
        self._path = data_dir / NAME
        self._database = open_state(data_dir, _SCHEMA)

    def mint(self, call_sid: str) -> str:
        """A new token that opens one stream of the call within 60 s. Raises Overloaded when none can be kept."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock.now()
        try:
            self._database.execute(_PURGE, (now - LIFETIME_S, now))
            self._database.execute(_KEEP, (_digest(token), call_sid, now))
        except sqlite3.Error as error:
            raise Overloaded(f"{self._path}: no stream token can be kept: {error}") from error
        return token

    def consume(self, token: str, call_sid: str) -> bool:
        """May the token open a stream of this call? Whatever the answer, it never will again."""
        try:
            rows = self._database.execute(_CONSUME, (_digest(token),)).fetchall()
        except sqlite3.Error:
            return False
        now = self._clock.now()
        return any(owner == call_sid and 0 <= now - minted_at < LIFETIME_S for owner, minted_at in rows)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._database.close()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()

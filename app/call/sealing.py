"""What callers said may be in DATA_DIR/state.sqlite3, so it is sealed there (AES-GCM, NIST SP 800-38D).

The key is made from the carrier's secret, which is in the environment and never on the disk. Where there is no such
secret it is a random one in DATA_DIR/state.key: a copy of the database alone tells nothing, one of the folder does.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.call.state_file import state_key

NONCE_BYTES = 12


class Unreadable(Exception):
    """Sealed with another secret, under another name, or not sealed at all."""


class Seal:
    """`secret` is the carrier's, empty where there is none. Raises SettingsError when no key can be kept instead."""

    def __init__(self, data_dir: Path, secret: str) -> None:
        secret_bytes = secret.encode() or state_key(data_dir)
        self._cipher = AESGCM(hashlib.sha256(b"callrelay checkpoint\0" + secret_bytes).digest())

    def close(self, plain: bytes, name: str) -> bytes:
        """As it goes to the disk: it opens under this name only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """What was closed. Raises Unreadable."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise Unreadable from error

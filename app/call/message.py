"""A caller's message: heard from the tone to a key, a long silence, or the end of the time it may take.

It goes to its file as it is spoken, like the journal, so what was said is not lost with the process.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from app.audio.g711 import BYTES_PER_MS, to_linear
from app.audio.wav import HEADER_BYTES, header

SILENCE_MS = 4000.0


class Message:
    """A WAV file being written: 8,000 Hz, 16 bit, mono; nobody else may read it. Raises OSError."""

    def __init__(self, path: Path, max_s: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self._file.write(header(0))
        self._bytes = 0
        self._max_s = max_s
        self.path = path

    @property
    def seconds(self) -> float:
        return self._bytes / BYTES_PER_MS / 1000

    def add(self, audio: bytes, silence_ms: float) -> bool:
        """Append μ-law audio; says whether that was the end. `silence_ms` is how long nobody has spoken."""
        self._file.write(to_linear(audio))
        self._bytes += len(audio)
        return min(silence_ms, self.seconds * 1000) >= SILENCE_MS or self.seconds >= self._max_s

    def close(self, silence_ms: float) -> float:
        """Leave out the silence at the end; returns the seconds that remain. An empty message leaves no file."""
        self._bytes = max(0, self._bytes - int(silence_ms) * BYTES_PER_MS)
        self._file.truncate(HEADER_BYTES + 2 * self._bytes)
        self._file.seek(0)
        self._file.write(header(2 * self._bytes))
        self._file.close()
        if not self._bytes:
            self.path.unlink()
        return round(self.seconds, 1)


@dataclass(frozen=True, slots=True)
class MessageStore:
    """Messages lie in DATA_DIR/recordings, as CALL_SID-NUMBER.wav."""

    data_dir: Path

    def open(self, call_sid: str, max_s: float) -> Message:
        """Begin a call's next message. Raises OSError."""
        directory = self.data_dir / "recordings"
        directory.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            with suppress(FileExistsError):
                return Message(directory / f"{call_sid}-{number}.wav", max_s)
        raise AssertionError("numbers do not end")

"""The record of a call: one JSON line an event, in DATA_DIR/calls/CALL_SID.jsonl.

A line is in the kernel's hands when `write` returns, so it outlives the process; losing power is out of scope. A
line torn by a crash is left out on reading.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from app.clock import Clock
from app.errors import RelayError

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

Value = str | int | float | bool | None | list[Any] | dict[str, Any]


class Journal:
    """Append-only, open for as long as the call lasts. Closing is idempotent; the last line is `call_ended`.

    Raises FileExistsError when the call has a record already: a call begins once.
    """

    def __init__(self, directory: Path, call_sid: str, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.now()
        self._path = path_of(directory, call_sid)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, FLAGS, 0o600)
        self.closed = False

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return self._clock.now() - self._started

    def write(self, event: str, **values: Value) -> None:
        """Append one event. After `close` it raises RelayError: nothing may happen in a call that is over."""
        if self.closed:
            raise RelayError(f"the journal {self._path.name} is closed; {event!r} came too late")
        at = self._clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": at, "ms": round(self.seconds * 1000), "event": event, **values}
        os.write(self._file, msgspec.json.encode(line) + b"\n")

    def close(self, reason: str) -> None:
        """Write `call_ended` and let go of the file; the second time does nothing."""
        if self.closed:
            return
        self.write("call_ended", reason=reason, seconds=round(self.seconds, 3))
        self.closed = True
        os.close(self._file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("error" if error else "ended")

    def __repr__(self) -> str:
        return f"Journal({self._path.name}, {'closed' if self.closed else 'open'})"


def is_call_sid(name: str) -> bool:
    """Whether a carrier could have named a call so: letters and digits, at most 64."""
    return name.isascii() and name.isalnum() and len(name) <= 64


def path_of(directory: Path, call_sid: str) -> Path:
    """Where a call's journal is. Raises RelayError for a name that is no call's."""
    if not is_call_sid(call_sid):
        raise RelayError(f"{call_sid!r} is no call's SID: letters and digits only, at most 64")
    return directory / "calls" / f"{call_sid}.jsonl"


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a journal, in order; a torn line is left out."""
    with path.open("rb") as lines:
        for line in lines:
            with suppress(ValueError):
                yield json.loads(line)

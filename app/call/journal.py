"""The record of a call: one JSON line an event, in DATA_DIR/calls/CALL_SID.jsonl.

A line is in the kernel's hands when `write` returns, so it outlives the process; losing power is out of scope. A
line torn by a crash is left out on reading. While the disk takes nothing, the last thousand lines wait in memory: a
full disk ends no call.
"""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import msgspec

from app.clock import Clock
from app.errors import RelayError

log = logging.getLogger("callrelay.call")

WAITING_LINES = 1000
TAIL_BYTES = 64 * 1024
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

Value = str | int | float | bool | None | list[Any] | dict[str, Any]


class Witness(Protocol):
    """Sees the record of every call as it grows, and keeps nobody waiting. What is masked there is masked here."""

    def wrote(self, call_sid: str, line: Mapping[str, Any]) -> None:
        """A line of the record, as in the file."""
        ...

    def troubled(self, call_sid: str) -> None:
        """The disk takes no lines of a call any more."""
        ...

    def came(self, call_sid: str, flow: str, language: str) -> None:
        """A call that began in another process goes on in this one."""
        ...

    def left(self, call_sid: str) -> None:
        """A call goes on in another process."""
        ...


class Journal:
    """Append-only, open for as long as the call lasts. Closing is idempotent; the last line is `call_ended`.

    `witness` is told of every line.

    Raises FileExistsError when the call has a record already: a call begins once. `began`, in monotonic seconds, is
    when it did if this goes on with what another process began. No other trouble of the disk is raised: the file is
    then made, and its lines written, with a later line or by `settle`.
    """

    def __init__(
        self,
        directory: Path,
        call_sid: str,
        clock: Clock,
        witness: Witness | None = None,
        *,
        began: float | None = None,
    ) -> None:
        self._call_sid = call_sid
        self._clock = clock
        self._witness = witness
        self._flags = FLAGS if began is None else FLAGS & ~os.O_EXCL
        self.began = clock.now() if began is None else began
        self._path = path_of(directory, call_sid)
        self._file: int | None = None
        self._waiting: deque[bytes] = deque(maxlen=WAITING_LINES)
        self._rest = b""  # of a line that the disk took a part of
        self._lost = 0
        self._troubled = False
        self._left = False
        self.closed = False
        try:
            self._open()
        except FileExistsError:
            raise
        except OSError as error:
            self._alarm(error)

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return self._clock.now() - self.began

    def write(self, event: str, **values: Value) -> None:
        """Append one event. After `close` it raises RelayError: nothing may happen in a call that is over."""
        if self._left:
            return
        if self.closed:
            raise RelayError(f"the journal {self._path.name} is closed; {event!r} came too late")
        at = self._clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": at, "ms": round(self.seconds * 1000), "event": event, **values}
        self._lost += len(self._waiting) == WAITING_LINES
        self._waiting.append(msgspec.json.encode(line) + b"\n")
        self.settle()
        if self._witness:
            self._witness.wrote(self._call_sid, line)

    def close(self, reason: str) -> None:
        """Write `call_ended` and let go of the file; the second time does nothing.

        While the disk takes nothing the file is kept, until `settle` or `abandon`.
        """
        if self.closed:
            return
        self.write("call_ended", reason=reason, seconds=round(self.seconds, 3))
        self.closed = True
        self.settle()

    def leave(self) -> None:
        """Another process goes on with the record: nothing more is written to it from here."""
        if self._witness and not self.closed:
            self._witness.left(self._call_sid)
        self._left = self.closed = True
        self.abandon()

    def settle(self) -> bool:
        """Write what waits; whether nothing does any more."""
        try:
            self._flush()
        except OSError as error:
            self._alarm(error)
            return False
        if self._troubled:
            log.warning("%s is written again; %d lines of it are lost", self._path.name, self._lost)
            self._troubled = False
        if self.closed:
            self.abandon()
        return True

    def abandon(self) -> None:
        """Let go of the file and of what waits, for good. Idempotent."""
        self._waiting.clear()
        self._rest = b""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)

    def _flush(self) -> None:
        while self._rest or self._waiting:
            self._rest = self._rest or self._waiting.popleft()
            file = self._open() if self._file is None else self._file
            self._rest = self._rest[os.write(file, self._rest) :]

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, self._flags, 0o600)
        return self._file

    def _alarm(self, error: OSError) -> None:
        if not self._troubled:
            log.error("%s cannot be written: %s; its lines wait in memory", self._path.name, error.strerror)
            if self._witness:
                self._witness.troubled(self._call_sid)
        self._troubled = True

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


def last_event(path: Path) -> dict[str, Any] | None:
    """The last line that is not torn, None when there is none, or none that can be read."""
    with suppress(OSError), path.open("rb") as lines:
        lines.seek(max(0, os.fstat(lines.fileno()).st_size - TAIL_BYTES))
        for line in reversed(lines.readlines()):
            with suppress(ValueError):  # the end of an object is none
                event: dict[str, Any] = json.loads(line)
                return event
    return None

"""Checkpoints on their way to the call store, beside the event loop.

A checkpoint is due with every step of a flow, while the caller waits for what the step says; and a disk, or another
process that has the file's lock, may take its time. So steps are noted, and those of all calls are written together,
by a thread, up to twenty times a second. Of several steps of a call only the last counts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from app.call.aside import Aside
from app.call.call import Call
from app.call.call_store import CallStore, Checkpoint, StoreTrouble

WRITE_EVERY_S = 0.05

# what has become of a call: whether it is still this process's
Tell = Callable[[Call, bool], object]


class Checkpoints:
    """Those of one process. Whatever else is to be done with a call's row: `settle` first, and then `forget` it."""

    def __init__(self, store: CallStore, aside: Aside, tell: Tell) -> None:
        self._store = store
        self._aside = aside
        self._tell = tell
        self._noted: dict[Call, Checkpoint] = {}
        self._any = asyncio.Event()
        self._writing: _Batch | None = None

    def note(self, call: Call, kept_s: float) -> None:
        """The call took a step: keep what it is now, soon."""
        if call.changes is not None:
            self._noted[call] = Checkpoint(call.sid, call.saved(), call.stream is not None, kept_s)
            self._any.set()

    def forget(self, call: Call) -> None:
        """What was noted of a call is out of date."""
        self._noted.pop(call, None)

    def settle(self) -> None:
        """Wait for what is being written: calls' numbers are true from here to the next await."""
        if self._writing:
            self._take_in(self._writing)

    async def run(self) -> None:
        """Write what is noted, for ever."""
        while True:
            await self._any.wait()
            self._any.clear()
            await self._write()
            await asyncio.sleep(WRITE_EVERY_S)

    async def _write(self) -> None:
        noted, self._noted = self._noted, {}
        batch = self._writing = _Batch(self._store, noted)
        await self._aside(batch.write)
        self._take_in(batch)

    def _take_in(self, batch: _Batch) -> None:
        if self._writing is not batch:
            return
        batch.write()
        self._writing = None
        for call, kept in zip(batch.calls, batch.kept, strict=True):
            if call.changes is not None:
                call.changes += kept
                self._tell(call, kept)


class _Batch:
    """Checkpoints that are written once, by whoever comes first: the thread, or who cannot wait for it."""

    def __init__(self, store: CallStore, noted: dict[Call, Checkpoint]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._written = False
        self._rows = [(checkpoint, call.changes or 0) for call, checkpoint in noted.items()]
        self.calls = list(noted)
        self.kept: Sequence[bool] = ()

    def write(self) -> bool:
        """Write them, unless that is done; and then `kept` says of each whether the call is still ours."""
        with self._lock:
            if not self._written:
                self._written = True
                self.kept = self._saved()
        return True

    def _saved(self) -> Sequence[bool]:
        """Where the store cannot be used, calls go on with what is known of them here."""
        try:
            return self._store.save_all(self._rows)
        except StoreTrouble:
            self.calls = []
            return ()

"""The calls of this process. A call outlives its stream, so its state is owned here and never by a socket.

It may outlive this process, too, and come back to another one: what each needs to know is in the call store, and
whoever finds that somebody else has changed a call there since forgets it. Where the store cannot be used, a call
goes on with what is known of it here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from app.call.adoption import Adoption
from app.call.aside import Aside
from app.call.call import Call, LiveStream
from app.call.call_store import CallStore, Row, StoreTrouble
from app.call.checkpoints import Checkpoints
from app.call.flow_store import FlowStore
from app.call.journal import Journal, Witness
from app.clock import Clock
from app.errors import RelayError
from app.flow.effects import Transfer

log = logging.getLogger("callrelay.call")

STREAM_AWAITED_S = 60.0
RESUME_AWAITED_S = 1.5
SETTLE_EVERY_S = 5.0
UNWRITTEN_MAX = 100
REPLACED = "replaced by a newer stream"
LOST = "connection lost"
LEFT_ALONE = "its worker is gone"
LOOK_ROUND_EVERY_S = 1.0
# a worker that dies says no more that it has a call; one that waits for a stream ends the call itself before that
HELD_S = 30.0
SPARE_S = 5.0
# how long a stream of another worker may take to end once the carrier says that it has
RELEASED_WITHIN_S = 1.0
RELEASED_LOOKS = 20
# how long a carrier may take to ask what follows on a stream that was a call's last, and then to report the call's end
ASKED_WITHIN_S = 3.0
REPORTED_WITHIN_S = 1.0


class HeldElsewhere(RelayError):
    """The call's stream is another worker's."""


class CallRegistry:
    """Opens, finds and ends calls. A call that no stream comes for ends by itself."""

    def __init__(
        self,
        store: CallStore,
        flows: FlowStore,
        data_dir: Path,
        clock: Clock,
        witness: Witness,
        aside: Aside,
    ) -> None:
        self._store = store
        self._adoption = Adoption(flows, data_dir, clock, witness)
        self._aside = aside
        self.checkpoints = Checkpoints(store, aside, self._keep_if)
        self._calls: dict[str, Call] = {}
        self._unwritten: list[Journal] = []
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def at_rest(self) -> bool:
        """Whether no call is going on, and no carrier has anything left to ask or to report about one."""
        return not self._calls and not self._leaving

    @property
    def sids(self) -> list[str]:
        """Of every call that is going on."""
        return list(self._calls)

    def get(self, sid: str) -> Call | None:
        """The call if it is still going on here."""
        return self._calls.get(sid)

    async def find(self, sid: str) -> Call | None:
        """The call if it is still going on, whoever had it last. Raises HeldElsewhere when its stream is another
        worker's, and stays there for a second.
        """
        for _ in range(RELEASED_LOOKS):
            known = self._calls.get(sid)
            if known and known.stream:
                return known
            self.checkpoints.settle()
            try:
                row = self._store.look(sid)
            except StoreTrouble:
                return known
            if not (row and row.held):
                return self._current(sid, row)
            await asyncio.sleep(RELEASED_WITHIN_S / RELEASED_LOOKS)
        raise HeldElsewhere(f"call {sid} has its stream on another worker")

    def claim(self, sid: str) -> Call | None:
        """The call, for a stream that begins here; whoever has it now has it no more."""
        self.checkpoints.settle()
        known = self._calls.get(sid)
        try:
            row = self._store.claim(sid, HELD_S)
        except StoreTrouble:
            return known
        if known and row and known.changes == row.changes - 1:
            known.changes = row.changes
        return self._current(sid, row)

    def add(self, call: Call) -> None:
        """A call begins; its stream must come within a minute."""
        with suppress(StoreTrouble):
            call.changes = self._store.begin(call.sid, call.saved(), STREAM_AWAITED_S + SPARE_S)
        self._take_in(call)
        self.await_stream(call, STREAM_AWAITED_S, "no stream came")

    async def attach(self, call: Call, end: Callable[[str], None]) -> bool:
        """The call's stream is here; False when the call is over meanwhile.

        A stream that it had before (the carrier gave up a dead line) has to go first.
        """
        while stream := call.stream:
            stream.end(REPLACED)
            await stream.gone.wait()
        if call.over:
            return False
        call.stream = LiveStream(end)
        call.connects = 0
        call.next_step = None
        self._stop_waiting(call)
        ours = self._keep(call, held=True, kept_s=HELD_S)
        if not ours:
            self._forget(call)
        return ours

    def detach(self, call: Call) -> None:
        """The stream is gone, the call is not."""
        if call.stream:
            call.stream.gone.set()
            call.stream = None

    def await_stream(self, call: Call, seconds: float, reason: str) -> None:
        """End the call for `reason` unless a stream is attached within `seconds`, here or to another worker."""
        self._stop_waiting(call)
        if self._keep(call, held=False, kept_s=seconds + SPARE_S):
            call.expiry = asyncio.get_running_loop().call_later(seconds, self.end, call, reason)

    def end(self, call: Call, reason: str) -> None:
        """The call is over: forget it and close its journal. The second time does nothing."""
        if not call.over and self._removed(call):
            log.info("call %s ends: %s, after %.1f s", call.sid, reason, call.journal.seconds)
            call.journal.close(reason)
            self._settle_later(call.journal)
        elif not call.over:  # it goes on elsewhere
            call.journal.leave()
        self._forget(call)

    def end_with_stream(self, call: Call, reason: str) -> None:
        """The call is over, and its stream with it. The carrier asks what follows: who finds nobody then tells the
        caller of an error.
        """
        self.end(call, reason)
        self._leave_within(call.sid, ASKED_WITHIN_S)

    def told(self, sid: str) -> None:
        """The call's carrier knows what follows on its stream; if that is the call's end, it reports it now."""
        if sid in self._leaving:
            self._leave_within(sid, REPORTED_WITHIN_S)

    def reported(self, sid: str) -> None:
        """The call's carrier has said that it is over, or does not say so."""
        if timer := self._leaving.pop(sid, None):
            timer.cancel()

    def _leave_within(self, sid: str, seconds: float) -> None:
        self.reported(sid)
        self._leaving[sid] = asyncio.get_running_loop().call_later(seconds, self.reported, sid)

    async def hung_up(self, call: Call) -> None:
        """The carrier says that the call is over. Its stream, where it still has one, ends first and in order."""
        while stream := call.stream:
            stream.end("hangup")
            await stream.gone.wait()
        self.end(call, "hangup")

    async def all_ended(self) -> None:
        """Wait until no call is left."""
        await self._empty.wait()

    def end_all(self, reason: str) -> None:
        """End whatever is left; for the end of the process. Who was put through comes back to another one."""
        for call in list(self._calls.values()):
            if call.changes is not None and isinstance(call.next_step, Transfer) and not call.stream:
                call.journal.leave()
                self._forget(call)
            else:
                self.end(call, reason)
        for journal in self._unwritten:
            journal.abandon()
        self._unwritten.clear()

    # calls that other workers may have too

    async def look_round(self) -> None:
        """For ever: say which calls are looked after, forget those that another worker has now, and end those that
        nobody looks after.
        """
        while True:
            await asyncio.sleep(LOOK_ROUND_EVERY_S)
            with suppress(StoreTrouble):
                await self._look_at_all()

    async def _look_at_all(self) -> None:
        """Beside the event loop, as far as it can be: most calls are as they were."""
        held = {sid: call.changes for sid, call in self._calls.items() if call.stream and call.changes}
        changed: list[str] = []
        await self._aside(partial(self._renew, held, changed))
        # to look at one may be to forget another
        elsewhere = [call for sid, call in self._calls.items() if sid not in held or sid in changed]
        for call in elsewhere:
            self._look_at(call)
        for sid in self._store.stale():
            self._end_stale(sid)

    def _renew(self, held: Mapping[str, int], changed: list[str]) -> bool:
        """Say that calls are looked after; `changed` gets those with another number than they had."""
        ours = self._store.renew_all(held, HELD_S)
        changed += [sid for sid, same in zip(held, ours, strict=True) if not same]
        return not changed

    def _look_at(self, call: Call) -> None:
        self.checkpoints.settle()
        if call.changes is None:
            return
        if call.stream:
            self._keep_if(call, self._store.renew(call.sid, call.changes, HELD_S))
        else:
            row = self._store.look(call.sid)
            self._keep_if(call, row is not None and row.changes == call.changes)

    def _end_stale(self, sid: str) -> None:
        """Whether its checkpoint can be read or not; its row goes last, so that who dies here leaves it to others."""
        if sid in self._calls:
            return
        changes = self._store.claim_stale(sid, HELD_S)
        if changes is None:  # its worker was only late
            return
        if journal := self._adoption.close(sid, self._store.look(sid), LEFT_ALONE):
            self._settle_later(journal)
        self._store.remove(sid, changes)

    def _keep(self, call: Call, *, held: bool, kept_s: float) -> bool:
        """Keep the call's checkpoint; False when another worker has it now."""
        self.checkpoints.settle()
        self.checkpoints.forget(call)
        if call.changes is None:
            return True
        try:
            kept = self._store.save(call.sid, call.changes, call.saved(), held=held, kept_s=kept_s)
        except StoreTrouble:
            return True
        call.changes += kept
        return self._keep_if(call, kept)

    def _checkpoint(self, call: Call) -> None:
        self.checkpoints.note(call, HELD_S)

    def _removed(self, call: Call) -> bool:
        self.checkpoints.settle()
        try:
            return call.changes is None or self._store.remove(call.sid, call.changes)
        except StoreTrouble:
            return True

    def _keep_if(self, call: Call, ours: bool) -> bool:
        """Let go of a call that is not ours any more."""
        if not ours:
            if not call.over:
                log.info("call %s is another worker's now", call.sid)
                call.journal.leave()
            if call.stream:
                call.stream.end(REPLACED)
            else:
                self._forget(call)
        return ours

    def _current(self, sid: str, row: Row | None) -> Call | None:
        """The call as it is now: ours, if nobody has changed it since."""
        known = self._calls.get(sid)
        if known and (known.changes is None or (row and known.changes == row.changes)):
            return known
        if known:
            self._keep_if(known, False)
        call = self._adoption.call(sid, row) if row else None
        if call:
            self._take_in(call)
        return call

    def _take_in(self, call: Call) -> None:
        call.keep = self._checkpoint
        self._calls[call.sid] = call
        self._empty.clear()

    def _forget(self, call: Call) -> None:
        self.detach(call)
        self._stop_waiting(call)
        call.keep = None
        self.checkpoints.forget(call)
        if self._calls.get(call.sid) is call:
            del self._calls[call.sid]
        if not self._calls:
            self._empty.set()

    # journals that the disk does not take

    def _settle_later(self, journal: Journal) -> None:
        """A full disk is asked again until it takes the record's end; the oldest go when too many wait."""
        if journal.settle():
            return
        self._unwritten.append(journal)
        for oldest in self._unwritten[:-UNWRITTEN_MAX]:
            log.error("%r is lost in part: too many wait for the disk", oldest)
            oldest.abandon()
        del self._unwritten[:-UNWRITTEN_MAX]
        if len(self._unwritten) == 1:
            asyncio.get_running_loop().call_later(SETTLE_EVERY_S, self._settle)

    def _settle(self) -> None:
        self._unwritten = [journal for journal in self._unwritten if not journal.settle()]
        if self._unwritten:
            asyncio.get_running_loop().call_later(SETTLE_EVERY_S, self._settle)

    def _stop_waiting(self, call: Call) -> None:
        if call.expiry:
            call.expiry.cancel()
            call.expiry = None

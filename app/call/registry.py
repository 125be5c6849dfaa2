"""The calls of this process. A call outlives its stream, so its state is owned here and never by a socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.call.journal import Journal
from app.call.saying import NOTHING, Left
from app.flow.effects import Transfer
from app.flow.inputs import TransferEnded
from app.flow.model import Flow
from app.flow.state import State

log = logging.getLogger("callrelay.call")

STREAM_AWAITED_S = 60.0
RESUME_AWAITED_S = 1.5
SETTLE_EVERY_S = 5.0
UNWRITTEN_MAX = 100
REPLACED = "replaced by a newer stream"
LOST = "connection lost"


@dataclass(frozen=True, slots=True)
class Apology:
    """The stream failed by our fault: say sorry, and hang up."""


@dataclass(slots=True, eq=False)
class LiveStream:
    """The stream a call has now. `end` asks it to end, for a reason; `gone` is set when it has."""

    end: Callable[[str], None]
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class Call:
    """One call, from its first webhook to its last line in the journal.

    `state` is the flow's, None until the flow begins. `next_step` is what the carrier must do when the stream has ended
    and the call has not; `arriving` is what the next stream begins with, `left` what the last one leaves to it.
    `connects` counts how often a stream was asked for in vain. `seed` decides every choice at random.
    `flow` and its `recordings` (μ-law by file) are the version that the call began with, whatever is published since.
    """

    sid: str
    flow: Flow
    recordings: Mapping[str, bytes] = field(repr=False)
    language: str
    caller: str = field(repr=False)
    called: str
    journal: Journal
    seed: int = 0
    state: State | None = None
    next_step: Transfer | Apology | None = None
    arriving: TransferEnded | None = None
    left: Left = NOTHING
    stream: LiveStream | None = None
    connects: int = 0
    _expiry: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def over(self) -> bool:
        """Whether the journal is closed."""
        return self.journal.closed


class CallRegistry:
    """Opens, finds and ends calls. A call that no stream comes for ends by itself."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._unwritten: list[Journal] = []
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def sids(self) -> list[str]:
        """Of every call that is going on."""
        return list(self._calls)

    def get(self, sid: str) -> Call | None:
        """The call if it is still going on."""
        return self._calls.get(sid)

    def add(self, call: Call) -> None:
        """A call begins; its stream must come within a minute."""
        self._calls[call.sid] = call
        self._empty.clear()
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
        return True

    def detach(self, call: Call) -> None:
        """The stream is gone, the call is not."""
        if call.stream:
            call.stream.gone.set()
            call.stream = None

    def await_stream(self, call: Call, seconds: float, reason: str) -> None:
        """End the call for `reason` unless a stream is attached within `seconds`."""
        self._stop_waiting(call)
        call._expiry = asyncio.get_running_loop().call_later(seconds, self.end, call, reason)

    def end(self, call: Call, reason: str) -> None:
        """The call is over: forget it and close its journal. The second time does nothing."""
        self.detach(call)
        self._stop_waiting(call)
        if self._calls.get(call.sid) is call:
            del self._calls[call.sid]
        if not self._calls:
            self._empty.set()
        if not call.over:
            log.info("call %s ends: %s, after %.1f s", call.sid, reason, call.journal.seconds)
            call.journal.close(reason)
            self._settle_later(call.journal)

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
        """End whatever is left; for the end of the process."""
        for call in list(self._calls.values()):
            self.end(call, reason)
        for journal in self._unwritten:
            journal.abandon()
        self._unwritten.clear()

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
        if call._expiry:
            call._expiry.cancel()
            call._expiry = None

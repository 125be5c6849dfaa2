"""One call, as long as it lasts: across its streams, and across the workers that have them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from app.call.call_store import SavedCall
from app.call.journal import Journal
from app.call.saying import NOTHING, Left
from app.flow.effects import Transfer
from app.flow.inputs import TransferEnded
from app.flow.model import Flow
from app.flow.state import State


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
    `changes` is the number of its row in the call store, None where it is not kept; `keep` keeps its checkpoint.
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
    changes: int | None = None
    keep: Callable[[Call], None] | None = field(default=None, repr=False)
    expiry: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def over(self) -> bool:
        """Whether the journal is closed."""
        return self.journal.closed

    def checkpoint(self, left: Left) -> None:
        """The flow took a step, and this is to be said: from here another worker goes on if this one dies."""
        self.left = left
        if self.keep:
            self.keep(self)

    def saved(self) -> SavedCall:
        """What another worker needs to go on."""
        step = self.next_step
        return SavedCall(
            flow=self.flow.name,
            language=self.language,
            caller=self.caller,
            called=self.called,
            seed=self.seed,
            began=self.journal.began,
            connects=self.connects,
            state=msgspec.to_builtins(self.state),
            transfer=step if isinstance(step, Transfer) else None,
            apology=isinstance(step, Apology),
            arriving=self.arriving,
            left=self.left,
        )

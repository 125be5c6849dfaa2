"""Calls that another worker had: one goes on here from its checkpoint, or its record is closed here."""

from __future__ import annotations

import logging
from pathlib import Path

from app.call.call import Apology, Call
from app.call.call_store import Row, SavedCall
from app.call.flow_store import FlowStore
from app.call.journal import Journal, Witness, last_event, path_of
from app.clock import Clock
from app.flow.state import State

log = logging.getLogger("callrelay.call")


class Adoption:
    """What it takes to make a call of its checkpoint."""

    def __init__(self, flows: FlowStore, data_dir: Path, clock: Clock, witness: Witness) -> None:
        self._flows = flows
        self._data_dir = data_dir
        self._clock = clock
        self._witness = witness

    def call(self, sid: str, row: Row) -> Call | None:
        """The call as it was left; None when it is over, or cannot go on, which the log says."""
        saved = row.saved
        published = self._flows.get(saved.flow)
        if published is None:
            log.error("call %s cannot go on: there is no flow %r any more", sid, saved.flow)
            return None
        try:
            state = State.from_json(saved.state) if saved.state else None
        except TypeError:
            log.error("call %s cannot go on: its checkpoint is outdated", sid)
            return None
        last = last_event(path_of(self._data_dir, sid))
        if last and last["event"] == "call_ended":  # and who ended it could not say so in the store
            return None
        call = Call(
            sid,
            published.flow,
            published.recordings,
            saved.language,
            saved.caller,
            saved.called,
            self._record(sid, saved, saved.began),
            saved.seed,
        )
        call.state, call.changes = state, row.changes
        _restore(call, saved)
        return call

    def close(self, sid: str, row: Row | None, reason: str) -> Journal | None:
        """Close the record of a call that nobody looks after, whatever can be read of its checkpoint.

        It has lasted until its last line. None when there is no record that is open.
        """
        last = last_event(path_of(self._data_dir, sid))
        if last is None or last["event"] == "call_ended":
            return None
        journal = self._record(sid, row.saved if row else None, self._clock.now() - last["ms"] / 1000)
        log.info("call %s ends: %s, after %.1f s", sid, reason, journal.seconds)
        journal.close(reason)
        return journal

    def _record(self, sid: str, saved: SavedCall | None, began: float) -> Journal:
        if saved:
            self._witness.came(sid, saved.flow, saved.language)
        return Journal(self._data_dir, sid, self._clock, self._witness, began=began)


def _restore(call: Call, saved: SavedCall) -> None:
    """A flow that was edited meanwhile goes on in its new version; one that lost the node cannot take the outcome."""
    call.next_step = Apology() if saved.apology else saved.transfer
    if call.state and call.flow.has_node(call.state.node):
        call.arriving = saved.arriving
    call.left, call.connects = saved.left, saved.connects

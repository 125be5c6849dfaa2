"""Who has the floor, as a table.

Two people share one line. At any moment nobody speaks (QUIET), the agent does (AGENT), the caller does (CALLER), or
both do (OVERLAP). A caller who stops may only be breathing (LULL); once the silence says that the turn is over, an
answer is being prepared (DECIDING). Speech over the agent is no interruption until it is decided to be one: a cough,
an echo or an "mm-hm" must not silence the agent, so in OVERLAP, and while something short that was said over the
agent is being judged and may go on (ASIDE), the agent does; only INTERRUPTED yields. A turn that was taken to be over,
and whose caller then goes on at once (RESUMED), was not: it is taken back, whatever has been done about it.

    event            what happened
    ONSET            the caller began to speak, or went on after a lull
    LULL             the caller has been silent for two voice windows
    ENDPOINT         the silence says that the turn is over
    RESUMED          the caller goes on within half a second of the end of their turn
    INTERRUPTED      what the caller says over the agent is meant as an interruption
    DISMISSED        what the caller said over the agent was none
    AGENT_STARTED    the first frame of a prompt was sent
    AGENT_FINISHED   everything said was heard, or thrown away
    ANSWERED         the turn was answered with nothing to say
    ENDED            the stream is over

    action           what the shell must do
    OPEN             an utterance begins: collect it
    CONTINUE         it goes on: whatever was thought about its end is void
    JUDGE            it may be over: find out what was said, and whether that is all
    COMMIT           it is over: answer
    TAKE_BACK        it was not over: undo the answer, and collect what follows as its second part
    DISCARD          it was none
    YIELD            stop speaking now

A pair that the table does not list is a defect, and raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from app.errors import LocalProtocolError


class TurnState(Enum):
    """Who has the floor."""

    QUIET = auto()
    AGENT = auto()
    CALLER = auto()
    LULL = auto()
    OVERLAP = auto()
    ASIDE = auto()
    DECIDING = auto()
    OVER = auto()


class TurnEvent(Enum):
    """What the ear, the voice and the flow report."""

    ONSET = auto()
    LULL = auto()
    ENDPOINT = auto()
    RESUMED = auto()
    INTERRUPTED = auto()
    DISMISSED = auto()
    AGENT_STARTED = auto()
    AGENT_FINISHED = auto()
    ANSWERED = auto()
    ENDED = auto()


class TurnAction(Enum):
    """What the shell must do about it."""

    OPEN = auto()
    CONTINUE = auto()
    JUDGE = auto()
    COMMIT = auto()
    TAKE_BACK = auto()
    DISCARD = auto()
    YIELD = auto()


_S, _E, _A = TurnState, TurnEvent, TurnAction

TRANSITIONS: Final[dict[TurnState, dict[TurnEvent, tuple[TurnState, TurnAction | None]]]] = {
    _S.QUIET: {
        _E.ONSET: (_S.CALLER, _A.OPEN),
        _E.RESUMED: (_S.CALLER, _A.TAKE_BACK),
        _E.AGENT_STARTED: (_S.AGENT, None),
        _E.AGENT_FINISHED: (_S.QUIET, None),
        _E.ANSWERED: (_S.QUIET, None),
        _E.ENDED: (_S.OVER, None),
    },
    _S.AGENT: {
        _E.ONSET: (_S.OVERLAP, _A.OPEN),
        _E.RESUMED: (_S.CALLER, _A.TAKE_BACK),
        _E.AGENT_STARTED: (_S.AGENT, None),
        _E.AGENT_FINISHED: (_S.QUIET, None),
        _E.ANSWERED: (_S.AGENT, None),
        _E.ENDED: (_S.OVER, None),
    },
    _S.CALLER: {
        _E.LULL: (_S.LULL, _A.JUDGE),
        _E.AGENT_STARTED: (_S.OVERLAP, None),
        _E.AGENT_FINISHED: (_S.CALLER, None),
        _E.ANSWERED: (_S.CALLER, None),
        _E.ENDED: (_S.OVER, _A.DISCARD),
    },
    _S.LULL: {
        _E.ONSET: (_S.CALLER, _A.CONTINUE),
        _E.ENDPOINT: (_S.DECIDING, _A.COMMIT),
        _E.AGENT_STARTED: (_S.ASIDE, _A.JUDGE),
        _E.AGENT_FINISHED: (_S.LULL, None),
        _E.ANSWERED: (_S.LULL, None),
        _E.ENDED: (_S.OVER, _A.DISCARD),
    },
    _S.OVERLAP: {
        _E.LULL: (_S.ASIDE, _A.JUDGE),
        _E.INTERRUPTED: (_S.CALLER, _A.YIELD),
        _E.AGENT_STARTED: (_S.OVERLAP, None),
        _E.AGENT_FINISHED: (_S.CALLER, None),
        _E.ANSWERED: (_S.OVERLAP, None),
        _E.ENDED: (_S.OVER, _A.DISCARD),
    },
    _S.ASIDE: {
        _E.ONSET: (_S.OVERLAP, _A.CONTINUE),
        _E.INTERRUPTED: (_S.LULL, _A.YIELD),
        _E.DISMISSED: (_S.AGENT, _A.DISCARD),
        _E.AGENT_STARTED: (_S.ASIDE, None),
        _E.AGENT_FINISHED: (_S.LULL, None),
        _E.ANSWERED: (_S.ASIDE, None),
        _E.ENDED: (_S.OVER, _A.DISCARD),
    },
    _S.DECIDING: {
        _E.ONSET: (_S.CALLER, _A.OPEN),
        _E.RESUMED: (_S.CALLER, _A.TAKE_BACK),
        _E.AGENT_STARTED: (_S.AGENT, None),
        _E.AGENT_FINISHED: (_S.DECIDING, None),
        _E.ANSWERED: (_S.QUIET, None),
        _E.ENDED: (_S.OVER, None),
    },
    _S.OVER: dict.fromkeys(_E, (_S.OVER, None)),
}


@dataclass(slots=True)
class Turn:
    """The floor of one stream."""

    state: TurnState = TurnState.QUIET

    def happened(self, event: TurnEvent) -> TurnAction | None:
        """Move on; returns what to do. Raises LocalProtocolError for an event that cannot happen here."""
        try:
            self.state, action = TRANSITIONS[self.state][event]
        except KeyError:
            raise LocalProtocolError(
                f"turn-taking: {event.name} cannot happen in {self.state.name}"
            ) from None
        return action

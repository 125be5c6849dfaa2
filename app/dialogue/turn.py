"""Who has the floor, as a table.

Two people share one line. At any moment nobody speaks (QUIET), the agent does (AGENT), the caller does (CALLER), or
both do (OVERLAP). A caller who stops may only be breathing (LULL); when the silence has lasted long enough the turn
is over and an answer is being prepared (DECIDING). Speech over the agent is no interruption until it is decided to be
one: a cough or an echo must not silence the agent, so in OVERLAP the agent goes on, and only INTERRUPTED yields.

    event            what happened
    ONSET            the caller began to speak, or went on after a lull
    LULL             the caller has been silent for two voice windows
    ENDPOINT         the silence says that the turn is over
    INTERRUPTED      what the caller says over the agent is meant as an interruption
    AGENT_STARTED    the first frame of a prompt was sent
    AGENT_FINISHED   everything said was heard, or thrown away
    ANSWERED         the turn was answered with nothing to say
    ENDED            the stream is over

    action           what the shell must do
    OPEN             an utterance begins: collect it
    PAUSE            prepare for its end
    COMMIT           it is over: understand it, and answer
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
    DECIDING = auto()
    OVER = auto()


class TurnEvent(Enum):
    """What the ear, the voice and the flow report."""

    ONSET = auto()
    LULL = auto()
    ENDPOINT = auto()
    INTERRUPTED = auto()
    AGENT_STARTED = auto()
    AGENT_FINISHED = auto()
    ANSWERED = auto()
    ENDED = auto()


class TurnAction(Enum):
    """What the shell must do about it."""

    OPEN = auto()
    PAUSE = auto()
    COMMIT = auto()
    DISCARD = auto()
    YIELD = auto()


_S, _E, _A = TurnState, TurnEvent, TurnAction

TRANSITIONS: Final[dict[TurnState, dict[TurnEvent, tuple[TurnState, TurnAction | None]]]] = {
    _S.QUIET: {
        _E.ONSET: (_S.CALLER, _A.OPEN),
        _E.AGENT_STARTED: (_S.AGENT, None),
        _E.AGENT_FINISHED: (_S.QUIET, None),
        _E.ANSWERED: (_S.QUIET, None),
        _E.ENDED: (_S.OVER, None),
    },
    _S.AGENT: {
        _E.ONSET: (_S.OVERLAP, _A.OPEN),
        _E.AGENT_STARTED: (_S.AGENT, None),
        _E.AGENT_FINISHED: (_S.QUIET, None),
        _E.ANSWERED: (_S.AGENT, None),
        _E.ENDED: (_S.OVER, None),
    },
    _S.CALLER: {
        _E.LULL: (_S.LULL, _A.PAUSE),
        _E.AGENT_STARTED: (_S.OVERLAP, None),
        _E.AGENT_FINISHED: (_S.CALLER, None),
        _E.ANSWERED: (_S.CALLER, None),
        _E.ENDED: (_S.OVER, _A.DISCARD),
    },
    _S.LULL: {
        _E.ONSET: (_S.CALLER, None),
        _E.ENDPOINT: (_S.DECIDING, _A.COMMIT),
        _E.AGENT_STARTED: (_S.AGENT, _A.DISCARD),
        _E.AGENT_FINISHED: (_S.LULL, None),
        _E.ANSWERED: (_S.LULL, None),
        _E.ENDED: (_S.OVER, _A.DISCARD),
    },
    _S.OVERLAP: {
        _E.INTERRUPTED: (_S.CALLER, _A.YIELD),
        _E.LULL: (_S.AGENT, _A.DISCARD),
        _E.AGENT_STARTED: (_S.OVERLAP, None),
        _E.AGENT_FINISHED: (_S.CALLER, None),
        _E.ANSWERED: (_S.OVERLAP, None),
        _E.ENDED: (_S.OVER, _A.DISCARD),
    },
    _S.DECIDING: {
        _E.ONSET: (_S.CALLER, _A.OPEN),
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

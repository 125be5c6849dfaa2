from __future__ import annotations

import itertools

import pytest

from app.dialogue.turn import TRANSITIONS, Turn, TurnAction, TurnEvent, TurnState
from app.errors import LocalProtocolError

S, E, A = TurnState, TurnEvent, TurnAction

# what cannot happen, and why: a lull or an end of turn needs speech, an interruption needs two who speak
REFUSED = {
    (S.QUIET, E.LULL), (S.QUIET, E.ENDPOINT), (S.QUIET, E.INTERRUPTED),
    (S.AGENT, E.LULL), (S.AGENT, E.ENDPOINT), (S.AGENT, E.INTERRUPTED),
    (S.CALLER, E.ONSET), (S.CALLER, E.ENDPOINT), (S.CALLER, E.INTERRUPTED),
    (S.LULL, E.LULL), (S.LULL, E.INTERRUPTED),
    (S.OVERLAP, E.ONSET), (S.OVERLAP, E.ENDPOINT),
    (S.DECIDING, E.LULL), (S.DECIDING, E.ENDPOINT), (S.DECIDING, E.INTERRUPTED),
}  # fmt: skip


@pytest.mark.parametrize(("state", "event"), list(itertools.product(TurnState, TurnEvent)))
def test_every_pair_is_listed_or_refused(state: TurnState, event: TurnEvent) -> None:
    assert (event in TRANSITIONS[state]) != ((state, event) in REFUSED)


def test_a_refusal_names_the_state_and_the_event() -> None:
    with pytest.raises(LocalProtocolError, match="ENDPOINT cannot happen in QUIET"):
        Turn().happened(E.ENDPOINT)


def play(*events: TurnEvent) -> tuple[list[TurnAction], TurnState]:
    turn = Turn()
    return [action for event in events if (action := turn.happened(event))], turn.state


def test_a_plain_turn() -> None:
    actions, state = play(E.AGENT_STARTED, E.AGENT_FINISHED, E.ONSET, E.LULL, E.ENDPOINT, E.AGENT_STARTED)
    assert actions == [A.OPEN, A.PAUSE, A.COMMIT]
    assert state is S.AGENT


def test_a_breath_is_no_end() -> None:
    actions, _ = play(E.ONSET, E.LULL, E.ONSET, E.LULL, E.ENDPOINT)
    assert actions == [A.OPEN, A.PAUSE, A.PAUSE, A.COMMIT]


def test_a_cough_does_not_silence_the_agent() -> None:
    actions, state = play(E.AGENT_STARTED, E.ONSET, E.LULL)
    assert actions == [A.OPEN, A.DISCARD]
    assert state is S.AGENT


def test_an_interruption_takes_the_floor() -> None:
    actions, state = play(E.AGENT_STARTED, E.ONSET, E.INTERRUPTED, E.AGENT_FINISHED)
    assert actions == [A.OPEN, A.YIELD]
    assert state is S.CALLER

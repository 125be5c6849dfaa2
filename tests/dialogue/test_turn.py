from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from app.dialogue.diagram import diagram
from app.dialogue.turn import TRANSITIONS, Turn, TurnAction, TurnEvent, TurnState
from app.errors import LocalProtocolError

S, E, A = TurnState, TurnEvent, TurnAction

# what cannot happen, and why: a lull, an end of turn and going on need speech; an interruption needs two who speak,
# and only what was said aside is dismissed
REFUSED = {
    S.QUIET: {E.LULL, E.ENDPOINT, E.INTERRUPTED, E.DISMISSED},
    S.AGENT: {E.LULL, E.ENDPOINT, E.INTERRUPTED, E.DISMISSED},
    S.CALLER: {E.ONSET, E.ENDPOINT, E.RESUMED, E.INTERRUPTED, E.DISMISSED},
    S.LULL: {E.LULL, E.RESUMED, E.INTERRUPTED, E.DISMISSED},
    S.OVERLAP: {E.ONSET, E.ENDPOINT, E.RESUMED, E.DISMISSED},
    S.ASIDE: {E.LULL, E.ENDPOINT, E.RESUMED},
    S.DECIDING: {E.LULL, E.ENDPOINT, E.INTERRUPTED, E.DISMISSED},
    S.OVER: set(),
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(TurnState, TurnEvent)))
def test_every_pair_is_listed_or_refused(state: TurnState, event: TurnEvent) -> None:
    assert (event in TRANSITIONS[state]) != (event in REFUSED[state])


def test_a_refusal_names_the_state_and_the_event() -> None:
    with pytest.raises(LocalProtocolError, match="ENDPOINT cannot happen in QUIET"):
        Turn().happened(E.ENDPOINT)


def play(*events: TurnEvent) -> tuple[list[TurnAction], TurnState]:
    turn = Turn()
    return [action for event in events if (action := turn.happened(event))], turn.state


def test_a_plain_turn() -> None:
    actions, state = play(E.AGENT_STARTED, E.AGENT_FINISHED, E.ONSET, E.LULL, E.ENDPOINT, E.AGENT_STARTED)
    assert actions == [A.OPEN, A.JUDGE, A.COMMIT]
    assert state is S.AGENT


def test_a_breath_is_no_end() -> None:
    actions, _ = play(E.ONSET, E.LULL, E.ONSET, E.LULL, E.ENDPOINT)
    assert actions == [A.OPEN, A.JUDGE, A.CONTINUE, A.JUDGE, A.COMMIT]


def test_a_cough_does_not_silence_the_agent() -> None:
    actions, state = play(E.AGENT_STARTED, E.ONSET, E.LULL, E.DISMISSED)
    assert actions == [A.OPEN, A.JUDGE, A.DISCARD]
    assert state is S.AGENT


def test_an_interruption_takes_the_floor() -> None:
    actions, state = play(E.AGENT_STARTED, E.ONSET, E.INTERRUPTED, E.AGENT_FINISHED)
    assert actions == [A.OPEN, A.YIELD]
    assert state is S.CALLER


def test_a_short_word_over_the_agent_can_be_an_answer() -> None:
    actions, state = play(E.AGENT_STARTED, E.ONSET, E.LULL, E.INTERRUPTED, E.AGENT_FINISHED, E.ENDPOINT)
    assert actions == [A.OPEN, A.JUDGE, A.YIELD, A.COMMIT]
    assert state is S.DECIDING


@pytest.mark.parametrize("meanwhile", [[], [E.AGENT_STARTED], [E.ANSWERED]])
def test_a_caller_who_goes_on_takes_the_turn_back(meanwhile: list[TurnEvent]) -> None:
    actions, state = play(E.ONSET, E.LULL, E.ENDPOINT, *meanwhile, E.RESUMED)
    assert actions[-1] is A.TAKE_BACK
    assert state is S.CALLER


def test_the_drawing_in_the_docs_is_the_tables() -> None:
    page = Path(__file__).parents[2] / "docs" / "turn-taking.md"
    assert f"```mermaid\n{diagram()}\n```" in page.read_text(), "run python -m app.dialogue.diagram"

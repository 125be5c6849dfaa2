from __future__ import annotations

from app.audio.echo import EchoGate


def gate() -> EchoGate:
    gate = EchoGate()
    for frame in range(10):
        gate.played(1.0 + frame * 0.02, 4000)
    return gate


def test_masks_what_is_far_below_the_agent() -> None:
    assert gate().masks(1.15, 4000 * 10 ** (-25 / 20))
    assert not gate().masks(1.15, 4000 * 10 ** (-10 / 20))


def test_masks_until_the_echo_must_have_died_away() -> None:
    assert gate().masks(1.5, 100)
    assert not gate().masks(1.7, 100)


def test_nothing_is_masked_before_the_agent_is_heard() -> None:
    assert not gate().masks(0.99, 100)


def test_what_was_cleared_is_never_played() -> None:
    cleared = gate()
    cleared.clear(0.5)
    assert not cleared.active(1.1)


def listened(returned_db: float, seconds: float = 3.0) -> EchoGate:
    """A gate that has heard how much of the agent comes back."""
    gate = EchoGate()
    for frame in range(int(seconds * 50)):
        gate.played(frame * 0.02, 4000)
        gate.masks(frame * 0.02, 4000 * 10 ** (returned_db / 20))
    return gate


def test_on_a_line_without_echo_quiet_callers_are_heard() -> None:
    assert not listened(-60).masks(2.98, 4000 * 10 ** (-30 / 20))


def test_on_a_line_with_echo_it_stays_masked() -> None:
    gate = listened(-25)
    assert gate.masks(2.98, 4000 * 10 ** (-24 / 20))
    assert not gate.masks(2.98, 4000 * 10 ** (-14 / 20))


def test_a_caller_who_talks_on_does_not_teach_it_to_ignore_them() -> None:
    assert not listened(-10).masks(2.98, 4000 * 10 ** (-10 / 20))

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audio.g711 import FRAME_BYTES, rms
from app.audio.playout import AHEAD_MS, MARK_EVERY_MS, Playout
from app.carriers.events import OutboundCommand, PlayAudio, SendMark


def due(playout: Playout, now: float) -> list[OutboundCommand]:
    return list(iter(lambda: playout.next_due(now), None))


def audio(commands: list[OutboundCommand]) -> bytes:
    return b"".join(c.payload for c in commands if isinstance(c, PlayAudio))


def marks(commands: list[OutboundCommand]) -> list[str]:
    return [c.name for c in commands if isinstance(c, SendMark)]


def speech(ms: int) -> bytes:
    return bytes(i % 251 for i in range(ms * 8))


def drain(playout: Playout, now: float) -> tuple[list[OutboundCommand], float]:
    commands = due(playout, now)
    while (when := playout.due_at(now)) is not None:
        now = when
        commands += due(playout, now)
    return commands, now


def test_sends_at_most_400_ms_ahead_of_the_ear() -> None:
    playout = Playout()
    playout.feed(speech(2000))
    assert len(audio(due(playout, 10.0))) == AHEAD_MS * 8
    assert due(playout, 10.0) == []
    assert playout.due_at(10.0) == pytest.approx(10.2)
    assert len(audio(due(playout, 10.2))) == 200 * 8


@given(st.lists(st.binary(min_size=0, max_size=700), max_size=8))
def test_joins_chunks_without_gap_or_click(chunks: list[bytes]) -> None:
    playout = Playout()
    commands: list[OutboundCommand] = []
    for chunk in chunks:
        playout.feed(chunk)
        commands += due(playout, 0.0)
    playout.end_utterance()
    rest, _ = drain(playout, 0.0)
    sent = audio(commands + rest)
    whole = b"".join(chunks)
    assert sent.startswith(whole)
    assert sent[len(whole) :] == b"\xff" * (-len(whole) % FRAME_BYTES)


def test_marks_follow_every_200_ms_and_the_end() -> None:
    playout = Playout()
    playout.feed(speech(500))
    playout.end_utterance()
    commands, _ = drain(playout, 0.0)
    positions = [int(name.split(".")[1]) for name in marks(commands)]
    assert positions == [200, 400, 500]
    assert isinstance(commands[-1], SendMark)
    assert MARK_EVERY_MS == 200


def test_a_stall_within_an_utterance_stands_behind_no_mark() -> None:
    playout = Playout()
    playout.feed(speech(400))
    assert marks(drain(playout, 0.0)[0]) == ["0.200"]
    playout.feed(speech(100))
    commands, _ = drain(playout, 3.0)
    assert isinstance(commands[0], SendMark)
    assert marks(commands) == ["0.400"]


def test_heard_runs_with_the_clock_between_marks_and_never_past_what_was_sent() -> None:
    playout = Playout()
    playout.feed(speech(300))
    playout.end_utterance()
    due(playout, 5.0)
    assert playout.heard_ms(5.0) == 0
    assert playout.heard_ms(5.1) == pytest.approx(100)
    assert playout.heard_ms(9.0) == 300


def test_a_mark_that_comes_late_moves_the_ear_back() -> None:
    playout = Playout()
    playout.feed(speech(1000))
    first = marks(due(playout, 0.0))[0]
    playout.reached(first, 0.3)  # played at 0.2 by our clock: 50 ms there, 50 ms back
    assert playout.heard_ms(0.3) == pytest.approx(250)


def test_finished_only_when_the_last_mark_is_back_or_long_overdue() -> None:
    playout = Playout()
    playout.feed(speech(200))
    playout.end_utterance()
    (name,) = marks(due(playout, 0.0))
    assert not playout.finished(0.2)
    assert playout.finished(playout.gives_up_at)
    playout.reached(name, 0.25)
    assert playout.finished(0.25)


def test_clear_keeps_what_was_heard_and_ignores_stale_marks() -> None:
    playout = Playout()
    playout.feed(speech(1000))
    stale = marks(due(playout, 0.0))
    assert playout.clear(0.15) == pytest.approx(150)
    for name in stale:
        playout.reached(name, 0.16)
    assert playout.heard_ms(0.5) == pytest.approx(150)
    assert playout.finished(0.16)
    playout.feed(speech(40))
    playout.end_utterance()
    commands = due(playout, 0.5)
    assert len(audio(commands)) == 320
    assert marks(commands)[0] not in stale
    assert playout.heard_ms(0.52) == pytest.approx(170)


def test_a_pause_in_feeding_starts_the_clock_anew() -> None:
    playout = Playout()
    playout.feed(speech(100))
    due(playout, 0.0)
    playout.feed(speech(100))
    due(playout, 3.0)
    assert playout.heard_ms(3.05) == pytest.approx(150)


def test_a_mark_stands_right_behind_every_utterance() -> None:
    playout = Playout()
    for _ in range(2):
        playout.feed(speech(260))
        playout.end_utterance()
    commands, _ = drain(playout, 0.0)
    places = [at for at, command in enumerate(commands) if isinstance(command, SendMark)]
    assert [len(audio(commands[:at])) / 8 for at in places] == [200, 260, 460, 520]


def test_who_becomes_wary_sends_nothing_until_less_is_ahead() -> None:
    playout = Playout()
    playout.feed(speech(2000))
    due(playout, 0.0)
    playout.wary = True
    assert [due(playout, ms / 1000) for ms in (0, 100, 290)] == [[], [], []]
    assert len(audio(due(playout, 0.3))) == 100 * 8


@given(st.floats(0.0, 400.0))
def test_all_of_it_goes_wherever_the_last_was_cleared(heard_ms: float) -> None:
    playout = Playout()
    playout.feed(speech(1000))
    due(playout, 0.0)
    playout.clear(heard_ms / 1000)
    playout.feed(speech(1000))
    playout.end_utterance()
    commands, _ = drain(playout, 0.5)
    assert len(audio(commands)) == 1000 * 8
    assert isinstance(commands[-1], SendMark)


def test_who_looks_in_between_sends_no_crumbs() -> None:
    playout = Playout()
    playout.feed(speech(2000))
    due(playout, 0.0)
    assert [due(playout, ms / 1000) for ms in (20, 97, 197)] == [[], [], []]
    assert len(audio(due(playout, 0.1985))) == 200 * 8


def test_what_may_go_at_once_goes_in_as_few_pieces_as_may_be() -> None:
    playout = Playout()
    playout.feed(speech(2000))
    drained, _ = drain(playout, 0.0)
    pieces = [len(command.payload) / 8 for command in drained if isinstance(command, PlayAudio)]
    assert pieces == [100] * 20


def test_a_gap_inside_an_utterance_is_told_once() -> None:
    playout = Playout()
    playout.feed(speech(100))
    due(playout, 0.0)
    playout.feed(speech(100))
    due(playout, 0.3)
    assert playout.gap_ms() == pytest.approx(200)
    assert playout.gap_ms() == 0


@pytest.mark.parametrize("late_s", [0.0, 0.05])
def test_what_nobody_hears_is_no_gap(late_s: float) -> None:
    playout = Playout()
    playout.feed(speech(100))
    due(playout, 0.0)
    playout.feed(speech(100))
    due(playout, 0.1 + late_s)
    assert playout.gap_ms() == 0


def test_silence_between_two_utterances_is_no_gap() -> None:
    playout = Playout()
    playout.feed(speech(100))
    playout.end_utterance()
    due(playout, 0.0)
    playout.feed(speech(100))
    due(playout, 5.0)
    playout.clear(5.01)
    playout.feed(speech(100))
    due(playout, 9.0)
    assert playout.gap_ms() == 0


def test_what_is_brief_goes_80_ms_ahead_and_ends_softly_when_it_is_cut_short() -> None:
    playout = Playout(brief=True)
    playout.feed(b"\x80" * 8000)  # as loud as can be
    playout.end_utterance()
    sent = audio(due(playout, 0.0))
    assert len(sent) == 80 * 8
    assert playout.due_at(0.0) == pytest.approx(0.04)
    playout.cut_short()
    rest, now = drain(playout, 0.0)
    levels = [rms(audio(rest)[at : at + 40]) for at in range(0, 160, 40)]
    assert len(audio(rest)) == 20 * 8
    assert rms(sent) == levels[0] > levels[1] > levels[2] > levels[3] > 0
    assert marks(rest) == ["0.100"]
    assert now <= 0.04

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.simulator.playout import BYTES_PER_SECOND, CarrierPlayout

HALF_A_SECOND = b"\x01" * 4000


def test_a_run_begins_when_its_first_byte_arrives_and_then_plays_in_real_time() -> None:
    playout = CarrierPlayout()
    assert playout.feed(HALF_A_SECOND, now=2.0) == 2.0
    assert playout.feed(HALF_A_SECOND, now=2.1) == 2.5
    assert playout.ends_at == 3.0
    assert playout.feed(HALF_A_SECOND, now=4.0) == 4.0


def test_a_mark_is_due_when_its_audio_has_played_and_at_once_when_idle() -> None:
    playout = CarrierPlayout()
    playout.mark("idle", now=1.0)
    assert playout.due_marks(1.0) == ["idle"]
    playout.feed(HALF_A_SECOND, now=1.0)
    playout.mark("half", now=1.0)
    playout.feed(HALF_A_SECOND, now=1.2)
    playout.mark("all", now=1.2)
    assert playout.due_marks(1.499) == []
    assert playout.due_marks(1.5) == ["half"]
    assert playout.due_marks(2.0) == ["all"]
    assert playout.due_marks(9.0) == []


def test_clear_forgets_what_was_not_heard_and_returns_all_marks_in_order() -> None:
    playout = CarrierPlayout()
    playout.feed(HALF_A_SECOND, now=1.0)
    playout.mark("one", now=1.0)
    playout.feed(HALF_A_SECOND, now=1.0)
    playout.mark("two", now=1.0)
    assert playout.clear(now=1.1) == [(1.0, b"\x01" * 800)]
    assert playout.due_marks(1.1) == ["one", "two"]
    assert playout.played(5.0) == []
    assert playout.feed(HALF_A_SECOND, now=1.2) == 1.2


def test_audio_is_told_once_as_far_as_it_has_played() -> None:
    playout = CarrierPlayout()
    playout.feed(bytes(range(160)), now=0.0)
    assert playout.played(0.010) == [(0.0, bytes(range(80)))]
    assert playout.played(0.010) == []
    ((at, audio),) = playout.played(0.020)
    assert (round(at, 6), audio) == (0.010, bytes(range(80, 160)))


PIECES = st.lists(
    st.tuples(st.floats(0, 0.3), st.sampled_from(["feed", "mark", "clear", "look"]), st.integers(0, 3000)),
    max_size=30,
)


@given(PIECES)
def test_nothing_is_lost_or_invented(pieces: list[tuple[float, str, int]]) -> None:
    playout, now = CarrierPlayout(), 0.0
    fed, heard, set_marks, reached = 0, 0, [], []
    for number, (wait, what, count) in enumerate(pieces):
        now += wait
        match what:
            case "feed":
                fed += count
                playout.feed(b"\x01" * count, now)
            case "mark":
                set_marks.append(str(number))
                playout.mark(str(number), now)
            case "clear":
                heard += sum(len(audio) for _, audio in playout.clear(now))
                fed = heard
        heard += sum(len(audio) for _, audio in playout.played(now))
        reached += playout.due_marks(now)
        assert heard <= fed
        assert heard <= now * BYTES_PER_SECOND + 1
    heard += sum(len(audio) for _, audio in playout.played(now + 1000))
    reached += playout.due_marks(now + 1000)
    assert heard == fed
    assert reached == set_marks

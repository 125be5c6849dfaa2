from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audio import g711
from app.carriers.base import Counted
from app.carriers.events import AudioReceived
from app.carriers.sequencer import CONCEALED_BYTES, FAR_FRAMES, Sequencer

LOUD = b"\x80" * 160
WRAP = 2**32


class Stream:
    """Frames by number, each of 20 ms, numbered in its timestamp."""

    def __init__(self) -> None:
        self.counts: Counter[Counted] = Counter()
        self.sequencer = Sequencer(self.counts)
        self.heard: list[AudioReceived] = []

    def arrive(self, *numbers: int, payload: bytes = LOUD) -> list[AudioReceived]:
        for number in numbers:
            self.heard += self.sequencer.arrived(number, AudioReceived(payload, number * 20))
        return self.heard

    def numbers(self) -> list[int]:
        return [frame.timestamp_ms // 20 for frame in self.heard]


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_frames_in_order_pass_at_once(stream: Stream) -> None:
    assert len(stream.arrive(1, 2, 3)) == 3
    assert not stream.counts


def test_a_stream_may_begin_anywhere(stream: Stream) -> None:
    stream.arrive(1000, 1001)
    assert stream.numbers() == [1000, 1001]
    assert not stream.counts


@pytest.mark.parametrize("order", [(2, 1), (3, 2, 1), (4, 3, 2, 1), (2, 3, 4, 1), (3, 1, 4, 2)])
def test_reordering_up_to_60_ms_is_repaired(stream: Stream, order: tuple[int, ...]) -> None:
    stream.arrive(0, *order)
    assert stream.numbers() == list(range(len(order) + 1))
    assert set(stream.counts) == {Counted.REORDERED_AUDIO}


def test_a_frame_more_than_60_ms_late_was_given_up(stream: Stream) -> None:
    heard = stream.arrive(0, 2, 3, 4, 5)
    assert stream.numbers() == [0, 1, 2, 3, 4, 5]
    assert [frame.concealed for frame in heard] == [False, True, False, False, False, False]
    stream.arrive(1)
    assert len(heard) == 6
    assert stream.counts == {Counted.LOST_AUDIO: 1, Counted.DUPLICATE_AUDIO: 1}


def test_duplicates_are_dropped_heard_or_waiting(stream: Stream) -> None:
    stream.arrive(0, 0, 2, 2, 1)
    assert stream.numbers() == [0, 1, 2]
    assert stream.counts == {Counted.DUPLICATE_AUDIO: 2, Counted.REORDERED_AUDIO: 1}


def test_what_is_lost_fades_into_silence(stream: Stream) -> None:
    heard = stream.arrive(0, 5, 6, 7, 8)
    assert stream.numbers() == list(range(9))
    loudness = [g711.rms(frame.payload) for frame in heard[:5]]
    assert loudness[0] == pytest.approx(2 * loudness[1], rel=0.05)
    assert loudness[1] == pytest.approx(2 * loudness[2], rel=0.05)
    assert loudness[3:] == [0, 0]
    assert stream.counts == {Counted.LOST_AUDIO: 4}


def test_two_holes_are_filled_each_in_its_place(stream: Stream) -> None:
    stream.arrive(0, 2, 4, 6, 8)
    assert stream.numbers() == [0, 1, 2]
    stream.heard += stream.sequencer.flush()
    assert stream.numbers() == list(range(9))
    assert stream.counts == {Counted.LOST_AUDIO: 4}


def test_flushing_nothing_gives_nothing(stream: Stream) -> None:
    stream.arrive(0)
    assert stream.sequencer.flush() == []


@pytest.mark.parametrize("jump", [FAR_FRAMES + 1, -FAR_FRAMES - 1, 10**18, -(10**6)])
def test_a_far_jump_is_a_new_beginning_without_filling(stream: Stream, jump: int) -> None:
    begin = 2 * 10**6
    heard = stream.arrive(begin, begin + 1, begin + 2 + jump, begin + 3 + jump)
    assert not any(frame.concealed for frame in heard)
    assert len(heard) == 4
    assert stream.counts == {Counted.SEQUENCE_RESTART: 1}


@pytest.mark.parametrize("bits", [16, 31, 32, 63])
@pytest.mark.parametrize("first", [0, 1])
def test_numbers_may_wrap_anywhere(stream: Stream, bits: int, first: int) -> None:
    assert len(stream.arrive(2**bits - 2, 2**bits - 1, first, first + 1)) == 4
    assert stream.counts == {Counted.SEQUENCE_RESTART: 1}


def test_the_longest_gap_that_is_filled_is_a_second(stream: Stream) -> None:
    stream.arrive(0, FAR_FRAMES + 1)
    stream.heard += stream.sequencer.flush()
    assert stream.numbers() == list(range(FAR_FRAMES + 2))
    assert stream.counts == {Counted.LOST_AUDIO: FAR_FRAMES}


def test_what_waits_is_heard_before_a_new_beginning(stream: Stream) -> None:
    stream.arrive(0, 2, 1000)
    assert stream.numbers() == [0, 1, 2, 1000]


def test_no_more_than_a_second_is_made_up_whatever_the_frame(stream: Stream) -> None:
    heard = stream.arrive(0, FAR_FRAMES, payload=b"\xff" * CONCEALED_BYTES)
    assert [frame.concealed for frame in heard] == [False, True, False]


@given(
    st.lists(st.integers(0, 120) | st.integers(0, WRAP), max_size=80),
    st.sampled_from([2, 80, 160, 480, 482, 8000]),
)
def test_whatever_comes(numbers: list[int], size: int) -> None:
    counts: Counter[Counted] = Counter()
    sequencer = Sequencer(counts)
    heard: list[AudioReceived] = []
    for number in numbers:
        released = sequencer.arrived(number, AudioReceived(b"\xff" * size, number))
        made_up = sum(len(frame.payload) for frame in released if frame.concealed)
        assert made_up <= CONCEALED_BYTES
        heard += released
    heard += sequencer.flush()
    real = [frame.timestamp_ms for frame in heard if not frame.concealed]
    # nothing is lost but what was counted, nothing is heard twice but after a new beginning
    assert len(real) + counts[Counted.DUPLICATE_AUDIO] == len(numbers)
    restarts = sum(1 for before, after in pairwise(real) if after <= before)
    assert restarts <= counts[Counted.SEQUENCE_RESTART]
    assert sum(frame.concealed for frame in heard) <= counts[Counted.LOST_AUDIO]


@given(st.permutations(range(4)), st.integers(0, WRAP))
def test_any_disorder_within_60_ms_is_repaired(order: list[int], begin: int) -> None:
    stream = Stream()
    stream.arrive(begin, *(begin + 1 + number for number in order), begin + 5)
    assert stream.numbers() == list(range(begin, begin + 6))
    assert not any(frame.concealed for frame in stream.heard)

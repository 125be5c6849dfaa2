from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialogue.transcript import share_heard, split_at


@pytest.mark.parametrize(
    ("share", "heard", "unheard"),
    [
        (0.0, "", "Thanks for calling. Press one."),
        (0.09, "", "Thanks for calling. Press one."),
        (0.11, "Thanks", "for calling. Press one."),
        (0.2, "Thanks", "for calling. Press one."),
        (0.66, "Thanks for calling.", "Press one."),
        (0.9, "Thanks for calling. Press", "one."),
        (1.0, "Thanks for calling. Press one.", ""),
    ],
)
def test_splits_where_the_ear_was(share: float, heard: str, unheard: str) -> None:
    assert split_at("Thanks for calling. Press one.", share) == (heard, unheard)


WORDS = "Yes, certainly we can do that. Goodbye."


@pytest.mark.parametrize(
    ("heard_ms", "heard"),
    [
        (0, ""),
        (600, "Yes,"),
        (1300, "Yes, certainly we can"),
        (1900, "Yes, certainly we can do that."),
        (2300, "Yes, certainly we can do that. Goodbye."),
        (9999, WORDS),
    ],
)
def test_a_comma_was_heard_where_the_voice_pauses(heard_ms: float, heard: str) -> None:
    """A voice that lingers on its first word: by letters alone, "Yes, certainly" is heard after 700 ms."""
    share = share_heard(WORDS, heard_ms, 2400, [600, 1900])
    assert split_at(WORDS, share)[0] == heard


@pytest.mark.parametrize(
    ("text", "pause_ms", "heard"),
    [
        ('We say "yes." So, do you?', 1500, 'We say "yes."'),
        ("Say (after the tone.) So, do you?", 1600, "Say (after the tone.)"),
        ("Your parcel is here\nSo, do you come?", 1400, "Your parcel is here"),
    ],
)
def test_a_sentence_ends_behind_what_closes_with_it_and_with_its_line(
    text: str, pause_ms: float, heard: str
) -> None:
    share = share_heard(text, pause_ms, 2700, [pause_ms, pause_ms + 250])
    assert split_at(text, share)[0] == heard


def test_what_pauses_in_the_wrong_place_is_no_comma() -> None:
    assert share_heard(WORDS, 1200, 2400, [900]) == share_heard(WORDS, 1200, 2400, []) == 0.5


@given(st.text(min_size=1, max_size=60), st.lists(st.floats(1, 5000)), st.floats(1, 5000))
def test_who_hears_longer_has_heard_more(text: str, pauses: list[float], voiced_ms: float) -> None:
    within = sorted(one for one in pauses if one < voiced_ms)
    shares = [share_heard(text, voiced_ms * step / 50, voiced_ms, within) for step in range(51)]
    assert [shares[0], shares[-1]] == pytest.approx([0, 1])
    assert all(another - one > -1e-9 for one, another in pairwise(shares))

from __future__ import annotations

import pytest

from app.dialogue.transcript import Segment, split_at

SEGMENTS = [Segment("Thanks for calling.", 0, 1900), Segment("Press one.", 1900, 2900)]


@pytest.mark.parametrize(
    ("heard_ms", "heard", "unheard"),
    [
        (0, "", "Thanks for calling. Press one."),
        (650, "Thanks", "for calling. Press one."),
        (1900, "Thanks for calling.", "Press one."),
        (2500, "Thanks for calling. Press", "one."),
        (9999, "Thanks for calling. Press one.", ""),
    ],
)
def test_splits_where_the_ear_was(heard_ms: float, heard: str, unheard: str) -> None:
    assert split_at(SEGMENTS, heard_ms) == (heard, unheard)

from __future__ import annotations

import pytest

from app.dialogue.transcript import split_at


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

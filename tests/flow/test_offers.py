"""Choosing by its place from what was offered."""

from __future__ import annotations

import pytest

from app.flow.languages import language
from app.flow.offers import place


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        ("en", "the third one", 2),
        ("en", "May I have the third, please?", 2),
        ("en", "the third of May, nineteen eighty five", None),
        ("en", "May third", None),
        ("en", "the first one may do", 0),
        ("en", "the third May", None),
        ("it", "il primo di maggio", None),
        ("es", "la primera", 0),
        ("es", "el primero de mayo", None),
        ("de", "der erste Mai", None),
    ],
)
def test_a_day_of_a_month_is_no_place(code: str, said: str, expected: int | None) -> None:
    found = place(said, 3, language(code))
    assert (found[0] if found else None) == expected

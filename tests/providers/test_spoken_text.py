from __future__ import annotations

import pytest

from providers.spoken_text import speakable


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Press # to go on, or * to repeat.", "Press pound to go on, or star to repeat."),
        ("Press *.", "Press star."),
        ("You are #5 in line.", "You are #5 in line."),  # the voice says "number 5"
        ("**Great** news, _really_.", "Great news, really."),
        ("Your code is 0042.", "Your code is 0 0 4 2."),
        ("Room 007A.", "Room 0 0 7A."),
        ("Order 4815162342.", "Order 4 8 1 5 1 6 2 3 4 2."),
        ("Call 555-0142.", "Call 5 5 5, 0 1 4 2."),
        ("Call +1 415 555 0142 now.", "Call plus 1, 4 1 5, 5 5 5, 0 1 4 2 now."),
        ("Call (415) 555-0142.", "Call 4 1 5, 5 5 5, 0 1 4 2."),
    ],
)
def test_signs_and_codes_are_written_out(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "The total is $1,250.50.",
        "It costs 15000 euros.",
        "We open at 08:30 on 2026-03-05.",
        "Between 0.5 and 3.05, from 10-12.",
        "Half past 9 on 05/03/2026.",
        "In 2026 we had 120 calls.",
    ],
)
def test_quantities_times_and_dates_are_left_to_the_voice(text: str) -> None:
    assert speakable(text) == text

from __future__ import annotations

import pytest

from app.audio.g711 import SILENCE
from app.call.saying import Prompt, Saying
from providers.base import Voice

NUMBER = "Your reference number is 4829 1307 5566 2041."


@pytest.mark.parametrize(
    ("heard_ms", "heard"),
    [
        (600, "Your reference"),
        (1200, "Your reference number is"),
        (1600, "Your reference number is 4829"),
    ],
)
def test_a_number_that_is_still_being_made_is_long(heard_ms: float, heard: str) -> None:
    prompt = Prompt(NUMBER, NUMBER, "say", Voice("hum", "en"))
    saying = Saying(prompt, 0.0, 0.0, cached=False, whole=False, chunks=[b"\x00" * 8 * 2000])
    assert saying.spoken(heard_ms).heard == heard


def test_what_is_whole_lasts_as_long_as_it_was_made() -> None:
    prompt = Prompt(NUMBER, NUMBER, "say", Voice("hum", "en"))
    audio = b"\x00" * 8 * 1000 + SILENCE * 8 * 500
    saying = Saying(prompt, 200.0, 0.0, cached=True, whole=True, chunks=[audio], complete=True)
    assert saying.spoken(1150.0).heard == "Your reference number is 4829 1307 5566 2041."
    assert saying.spoken(700.0).heard == "Your reference number is 4829"

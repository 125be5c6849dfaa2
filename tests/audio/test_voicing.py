from __future__ import annotations

import pytest

from app.audio.g711 import SILENCE, duration_ms
from app.audio.voicing import Voicing
from providers.scripted import hum


def test_pauses_do_not_count() -> None:
    speech = hum("hello there")
    voicing, alone_ms = Voicing(SILENCE * 8000 + speech + SILENCE * 4000), Voicing(speech).ms
    assert alone_ms > 0
    moments = (-20, 1000, 1000 + duration_ms(speech), 9999)
    assert [voicing.until(moment_ms) for moment_ms in moments] == [0, 0, alone_ms, alone_ms]
    assert voicing.ms == alone_ms


@pytest.mark.parametrize("aside", [0, 1, 7, 39, 90])
def test_pauses_stand_between_what_is_voiced_wherever_they_begin(aside: int) -> None:
    loud = bytes([0x80, 0x00])  # the largest values that there are
    first, second, third = loud * (1000 + aside), loud * 2000, loud * 1000
    lull, breath = SILENCE * 120 * 8, SILENCE * 150 * 8
    [pause_ms] = Voicing(breath + first + breath + second + lull + third + breath).pauses_ms
    assert pause_ms == pytest.approx(duration_ms(first), abs=10)


def test_what_is_empty_or_silent_is_not_voiced() -> None:
    for audio in (b"", SILENCE * 3, SILENCE * 8000):
        assert Voicing(audio).ms == Voicing(audio).until(500) == 0
        assert Voicing(audio).pauses_ms == []

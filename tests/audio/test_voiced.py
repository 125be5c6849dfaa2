from __future__ import annotations

from app.audio.g711 import SILENCE, duration_ms
from app.audio.loudness import Voicing
from providers.scripted import hum


def test_pauses_do_not_count() -> None:
    speech = hum("hello there")
    voicing, alone = Voicing.of(SILENCE * 8000 + speech + SILENCE * 4000), Voicing.of(speech).ms()
    assert alone > 0
    assert [voicing.ms(until_ms) for until_ms in (-20, 1000, 1000 + duration_ms(speech), 9999)] == [
        0,
        0,
        alone,
        alone,
    ]
    assert voicing.ms() == alone


def test_pauses_stand_between_what_is_voiced() -> None:
    first, second, third = (hum(words) for words in ("hello there", "my friend", "goodbye"))
    lull, breath = SILENCE * 100 * 8, SILENCE * 200 * 8
    audio = breath + first + breath + second + lull + third + breath
    assert Voicing.of(audio).pauses_ms == [Voicing.of(first).ms()]

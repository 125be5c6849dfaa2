from __future__ import annotations

from app.audio.g711 import SILENCE
from app.audio.loudness import pauses, voiced_ms
from providers.scripted import hum


def test_pauses_do_not_count() -> None:
    speech = hum("hello there")
    assert voiced_ms(SILENCE * 8000 + speech + SILENCE * 4000) == voiced_ms(speech) > 0


def test_pauses_stand_between_what_is_voiced() -> None:
    first, second, third = (hum(words) for words in ("hello there", "my friend", "goodbye"))
    lull, breath = SILENCE * 100 * 8, SILENCE * 200 * 8
    audio = breath + first + breath + second + lull + third + breath
    assert pauses(audio) == [voiced_ms(first)]

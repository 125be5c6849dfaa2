from __future__ import annotations

from app.audio.g711 import SILENCE
from app.audio.loudness import voiced_ms
from providers.scripted import hum


def test_pauses_do_not_count() -> None:
    speech = hum("hello there")
    assert voiced_ms(SILENCE * 8000 + speech + SILENCE * 4000) == voiced_ms(speech) > 0

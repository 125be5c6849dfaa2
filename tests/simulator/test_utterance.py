from __future__ import annotations

from app.audio.g711 import SILENCE
from app.simulator.utterance import Utterance, end_of_speech_ms
from tests.simulator.servers import tone


def test_speech_ends_with_its_last_voiced_ten_milliseconds() -> None:
    assert end_of_speech_ms(SILENCE * 800 + tone(400) + SILENCE * 1600) == 500.0


def test_three_per_cent_of_the_peak_is_the_limit() -> None:
    assert end_of_speech_ms(tone(100) + tone(100, level=8000 * 0.05)) == 200.0
    assert end_of_speech_ms(tone(100) + tone(100, level=8000 * 0.02)) == 100.0


def test_silence_ends_at_once() -> None:
    assert end_of_speech_ms(SILENCE * 800) == 0.0
    assert end_of_speech_ms(b"") == 0.0


def test_an_utterance_is_filled_up_to_whole_frames() -> None:
    utterance = Utterance.of(tone(30))
    assert utterance.frame(0) == tone(30)[:160]
    assert utterance.frame(1) == tone(30)[160:] + SILENCE * 80
    assert utterance.frame(2) is None
    assert repr(utterance) == "Utterance(40 ms, voiced to 30 ms)"

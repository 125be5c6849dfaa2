from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from app.audio.g711 import FRAME_MS
from app.audio.loudness import Loudness

SPEECH, NOISE = 2000.0, 40.0


def loud_until_ms(levels: Iterable[float]) -> float:
    loudness, end_ms = Loudness(), count(FRAME_MS, FRAME_MS)
    for level in levels:
        loudness.frame(level, next(end_ms))
    return loudness.loud_until_ms


def test_speech_is_loud_until_it_ends_on_a_noisy_line() -> None:
    assert loud_until_ms([NOISE] * 50 + [SPEECH] * 10 + [NOISE] * 20) == 60 * FRAME_MS


def test_who_speaks_softly_is_heard_above_a_quiet_line() -> None:
    assert loud_until_ms([5.0] * 50 + [50.0] * 10 + [5.0] * 20) == 60 * FRAME_MS


def test_noise_that_stays_is_no_speech_after_a_line_without_any() -> None:
    assert loud_until_ms([0.0] * 50 + [NOISE] * 1000) < 1000 * FRAME_MS


def test_each_utterance_is_measured_against_its_own_loudest() -> None:
    loudness = Loudness()
    loudness.frame(10 * SPEECH, 20.0)
    loudness.frame(0.3 * SPEECH, 40.0)
    assert loudness.loud_until_ms == 20.0
    loudness.utterance_started()
    loudness.frame(0.3 * SPEECH, 60.0)
    assert loudness.loud_until_ms == 60.0

from __future__ import annotations

from app.audio.activity import Edge, VoiceActivity


def edges(probabilities: list[float]) -> list[tuple[int, Edge]]:
    activity = VoiceActivity()
    found = [(n, activity.window(p, (n + 1) * 32.0)) for n, p in enumerate(probabilities)]
    return [(n, edge) for n, edge in found if edge]


def test_speech_begins_at_the_second_loud_window_and_counts_from_the_first() -> None:
    activity = VoiceActivity()
    assert activity.window(0.9, 32) is None
    assert activity.window(0.9, 64) is Edge.ONSET
    assert activity.onset_ms == 0
    assert activity.last_voiced_ms == 64


def test_a_single_loud_window_is_no_speech() -> None:
    assert edges([0.9, 0.1, 0.9, 0.1]) == []


def test_a_lull_is_64_ms_without_voice() -> None:
    assert edges([0.9, 0.9, 0.1, 0.1, 0.1]) == [(1, Edge.ONSET), (3, Edge.LULL)]


def test_hysteresis_keeps_a_fading_word() -> None:
    assert edges([0.9, 0.9, 0.4, 0.4, 0.4]) == [(1, Edge.ONSET)]

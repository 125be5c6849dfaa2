from __future__ import annotations

from app.audio.activity import Edge, VoiceActivity

LOUD = 1e9


def edges(probabilities: list[float], loud_until_ms: float = LOUD) -> list[tuple[int, Edge]]:
    activity = VoiceActivity()
    found = [(n, activity.window(p, (n + 1) * 32.0, loud_until_ms)) for n, p in enumerate(probabilities)]
    return [(n, edge) for n, edge in found if edge]


def test_speech_begins_at_the_second_voiced_window_and_counts_from_the_first() -> None:
    activity = VoiceActivity()
    assert activity.window(0.9, 32, LOUD) is None
    assert activity.window(0.9, 64, LOUD) is Edge.ONSET
    assert activity.onset_ms == 0
    assert activity.ended_ms == 64
    assert activity.voiced_ms == 64


def test_a_single_voiced_window_is_no_speech() -> None:
    assert edges([0.9, 0.1, 0.9, 0.1]) == []


def test_a_lull_is_64_ms_without_voice() -> None:
    assert edges([0.9, 0.9, 0.1, 0.1, 0.1]) == [(1, Edge.ONSET), (3, Edge.LULL)]


def test_hysteresis_keeps_a_fading_word() -> None:
    assert edges([0.9, 0.9, 0.4, 0.4, 0.4]) == [(1, Edge.ONSET)]


def test_a_detector_that_lags_does_not_hide_the_end() -> None:
    assert edges([0.9, 0.9, 0.9, 0.9, 0.9, 0.9], loud_until_ms=90) == [(1, Edge.ONSET), (4, Edge.LULL)]


def test_the_end_of_speech_is_told_by_its_level() -> None:
    activity = VoiceActivity()
    for window in range(1, 4):
        activity.window(0.9, window * 32.0, 80)
    assert activity.ended_ms == 80


def test_quiet_windows_are_no_beginning() -> None:
    assert edges([0.9] * 5, loud_until_ms=0) == []


def test_an_utterance_goes_on_over_lulls() -> None:
    activity = VoiceActivity()
    voiced = []
    for number, probability in enumerate([0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.9]):
        activity.window(probability, (number + 1) * 32.0, LOUD)
        voiced.append((activity.voiced_ms, activity.unbroken_ms, activity.beginning))
    assert voiced == [
        (0, 0, True),
        (64, 64, False),
        (96, 96, False),
        (96, 96, False),
        (96, 96, False),
        (96, 96, True),
        (160, 64, False),
    ]
    activity.utterance_started()
    assert activity.voiced_ms == 64

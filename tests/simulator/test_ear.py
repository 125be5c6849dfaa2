from __future__ import annotations

import pytest

from app.audio.g711 import SILENCE
from app.simulator.ear import Ear
from tests.simulator.servers import tone


def spans(ear: Ear) -> list[tuple[float, float]]:
    return [(round(s.begins_at, 3), round(s.ends_at, 3)) for s in ear.stretches]


def test_what_is_audible_is_a_stretch_of_speech_and_short_pauses_belong_to_it() -> None:
    ear = Ear()
    ear.fed(SILENCE * 800 + tone(200) + SILENCE * 1200 + tone(100) + SILENCE * 2400 + tone(100), 1.0)
    assert spans(ear) == [(1.1, 1.55), (1.85, 1.95)]


def test_sounds_are_apart_where_a_stretch_goes_on() -> None:
    ear = Ear()
    ear.fed(tone(100) + SILENCE * 800, 0.0)
    ear.fed(tone(100), 0.2)
    ear.fed(tone(100), 0.3)
    ear.cut_off(0.35)
    sounds = [(round(sound.begins_at, 3), round(sound.ends_at, 3)) for sound in ear.sounds]
    assert (spans(ear), sounds) == ([(0.0, 0.35)], [(0.0, 0.1), (0.2, 0.35)])


def test_line_noise_from_the_agent_is_not_audible() -> None:
    ear = Ear()
    ear.fed(tone(500, level=32768 * 10 ** (-51 / 20)), 0.0)
    assert spans(ear) == []
    ear.fed(tone(500, level=32768 * 10 ** (-45 / 20)), 0.5)
    assert spans(ear) == [(0.5, 1.0)]


def test_what_was_cleared_was_never_heard_and_what_follows_is_new() -> None:
    ear = Ear()
    ear.fed(tone(500), 0.0)
    ear.fed(SILENCE * 4000 + tone(500), 0.5)
    ear.cleared(0.3)
    ear.fed(tone(100), 0.35)
    assert spans(ear) == [(0.0, 0.3), (0.35, 0.45)]


def test_an_answer_begins_after_the_act_or_else_cut_into_it() -> None:
    ear = Ear()
    ear.fed(tone(100), 1.0)
    ear.fed(tone(100), 3.0)
    assert ear.onset_since(0.5, 2.0) == 3.0
    assert ear.onset_since(0.5, 4.0) == 3.0
    assert ear.onset_since(3.5, 4.0) is None


def test_speech_is_told_once_when_it_is_over() -> None:
    ear = Ear()
    ear.fed(tone(400), 0.0)
    ear.fed(tone(400), 0.7)
    ear.fed(tone(400), 3.0)
    assert ear.take_speech(0.9, 0.5) is None
    assert repr(ear.take_speech(1.7, 0.5)) == "Stretch(0.000-1.100)"
    assert ear.take_speech(1.8, 0.5) is None
    assert repr(ear.take_speech(3.9, 0.5)) == "Stretch(3.000-3.400)"


def test_running_dry_in_mid_speech_is_a_gap() -> None:
    ear = Ear()
    ear.fed(tone(200), 0.0)
    ear.fed(tone(200), 0.3)
    assert [(round(gap.at, 3), round(gap.seconds, 3)) for gap in ear.gaps] == [(0.2, 0.1)]


@pytest.mark.parametrize("late_s", [0.05, 1.0, 3.0])
def test_a_breath_and_a_long_silence_are_no_gaps(late_s: float) -> None:
    ear = Ear()
    ear.fed(tone(200), 0.0)
    ear.fed(tone(200), 0.2 + late_s)
    assert ear.gaps == []


def test_a_long_silence_is_a_gap_where_marks_say_that_more_was_to_come() -> None:
    ear = Ear()
    ear.fed(tone(200), 0.0)
    ear.marked()
    ear.fed(tone(200), 3.2)
    assert ear.gaps == []
    ear.fed(tone(200), 6.4)
    assert [(round(gap.at, 3), round(gap.seconds, 3)) for gap in ear.gaps] == [(3.4, 3.0)]


def test_a_mark_that_was_thrown_away_stands_behind_nothing() -> None:
    ear = Ear()
    ear.fed(tone(9000), 0.0)
    ear.marked()
    ear.cleared(1.0)
    ear.fed(tone(200), 1.5)
    ear.fed(tone(200), 4.0)
    assert [(round(gap.at, 3), round(gap.seconds, 3)) for gap in ear.gaps] == [(1.7, 2.3)]


def test_a_long_silence_is_no_gap_where_nobody_sets_marks_though_something_was_silenced() -> None:
    ear = Ear()
    ear.fed(tone(9000), 0.0)
    ear.cleared(1.0)
    ear.fed(tone(200), 1.5)
    ear.fed(tone(200), 4.0)
    assert ear.gaps == []


def test_a_response_to_the_caller_is_no_gap() -> None:
    ear = Ear()
    ear.fed(tone(1000), 0.0)
    ear.caller_did(0.9)
    ear.fed(tone(200), 1.5)
    assert ear.gaps == []


def test_an_answer_that_stumbles_right_after_its_beginning_has_a_gap() -> None:
    ear = Ear()
    ear.caller_did(0.9)
    ear.fed(tone(200), 1.2)
    ear.fed(tone(200), 1.6)
    assert len(ear.gaps) == 1


@pytest.mark.parametrize("again_s", [0.3, 3.0])
def test_after_a_clear_the_next_words_are_no_gap(again_s: float) -> None:
    ear = Ear()
    ear.fed(tone(200), 0.0)
    ear.marked()
    ear.fed(tone(800), 0.2)
    ear.cleared(0.5)
    ear.fed(tone(200), 0.5 + again_s)
    assert ear.gaps == []


def test_a_caller_who_said_something_long_ago_explains_no_gap() -> None:
    ear = Ear()
    ear.fed(tone(5000), 0.0)
    ear.caller_did(1.0)
    ear.fed(tone(200), 5.3)
    assert len(ear.gaps) == 1


def test_words_that_run_on_through_an_act_hide_where_the_answer_begins() -> None:
    ear = Ear()
    ear.fed(tone(3000), 0.0)
    assert ear.ran_together(1.0, 1.5)
    assert not ear.ran_together(1.0, 2.8)  # too little is left for an answer
    assert not ear.ran_together(0.0, 0.5)  # an answer that began with the act cut in
    ear.cleared(1.2)
    ear.fed(tone(1000), 1.2)
    assert not ear.ran_together(1.0, 1.5)


def test_the_next_sentence_of_what_was_being_said_is_no_answer_that_cuts_in() -> None:
    ear = Ear()
    ear.fed(tone(1000), 0.0)
    ear.fed(tone(400), 1.3)
    assert ear.onset_since(0.8, 1.6) is None
    assert not ear.ran_together(0.8, 1.6)
    assert ear.ran_together(0.8, 1.35)
    ear.fed(tone(500), 2.3)
    assert ear.onset_since(0.8, 1.6) == 2.3
    assert ear.onset_since(1.25, 1.4) == 2.3
    assert ear.onset_since(2.25, 2.6) == 2.3  # six tenths after the last word: somebody cuts in


def test_a_sentence_that_the_act_silenced_is_no_answer_to_it() -> None:
    ear = Ear()
    ear.fed(tone(1000), 0.0)
    ear.fed(tone(3000), 1.3)
    ear.caller_did(1.2)
    ear.cleared(2.5)
    assert ear.onset_since(1.2, 3.0) is None
    ear.fed(tone(500), 3.4)
    assert ear.onset_since(1.2, 3.0) == pytest.approx(3.4)

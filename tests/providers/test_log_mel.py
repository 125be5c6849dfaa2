from __future__ import annotations

import numpy as np

from providers.log_mel import log_mel

# What Whisper's own extractor makes of whole seconds of these tones, full scale, at 16 kHz.
PEAK_OF_HERTZ = {250: 1.5582, 1000: 1.5902, 3000: 1.4646}
# On Slaney's scale 250 Hz is 3.75 mel, 1 kHz is 15, 3 kHz is 30.98 and 8 kHz is 45.25; 80 bands divide it in 81.
BAND_OF_HERTZ = {250: 6, 1000: 26, 3000: 54}


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.sin(2 * np.pi * hertz * np.arange(int(8000 * seconds)) / 8000).astype(np.float32)


def test_one_column_for_each_ten_milliseconds() -> None:
    assert log_mel(tone(500, 3.0)).shape == (80, 300)


def test_a_tone_stands_in_its_band() -> None:
    for hertz, band in BAND_OF_HERTZ.items():
        peaks = log_mel(tone(hertz))[:, 10:-10].argmax(axis=0)
        assert abs(int(np.median(peaks)) - band) <= 1, hertz


def test_levels_are_those_of_whispers_own_extractor() -> None:
    for hertz, peak in PEAK_OF_HERTZ.items():
        assert np.isclose(log_mel(tone(hertz))[:, 50].max(), peak, atol=5e-4), hertz


def test_nothing_stands_above_what_a_telephone_carries() -> None:
    features = log_mel(np.random.default_rng(1).standard_normal(8000).astype(np.float32))
    assert (features[68:] == features.min()).all()


def test_the_range_is_two_and_no_more() -> None:
    features = log_mel(np.concatenate([tone(700), np.zeros(8000, np.float32)]))
    assert features.max() - features.min() == 2.0
    assert features.dtype == np.float32


def test_a_louder_sound_moves_the_picture_by_its_level() -> None:
    quiet, loud = log_mel(0.01 * tone(700)), log_mel(0.1 * tone(700))
    assert np.isclose(
        loud.max() - quiet.max(), 0.5, atol=1e-3
    )  # 20 dB: two decades of power, divided by four

from __future__ import annotations

import numpy as np
import pytest

from providers import dsp


def tone(hertz: float, rate_hz: int, seconds: float = 0.5) -> dsp.Samples:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate_hz * seconds)) / rate_hz).astype(np.float32)


def inner(samples: dsp.Samples) -> dsp.Samples:
    return samples[400:-400]


def test_mulaw_there_and_back_keeps_the_wave_within_its_quantisation() -> None:
    wave = 0.5 * tone(440, 8000)
    again = dsp.from_mulaw(dsp.to_mulaw(wave))
    assert np.abs(again - wave).max() < 0.02


def test_what_is_too_loud_is_clipped_and_does_not_wrap_around() -> None:
    assert dsp.from_mulaw(dsp.to_mulaw(np.array([1.5, -1.5], np.float32))) == pytest.approx(
        [0.98, -0.98], abs=0.01
    )


def test_silence_is_zero() -> None:
    assert not dsp.from_mulaw(dsp.SILENCE).any()
    assert dsp.rms(dsp.SILENCE * 100) == 0
    assert dsp.rms(b"") == 0


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("hertz", [200, 1000, 3000])
def test_a_tone_comes_through_a_change_of_rate_unchanged_and_undelayed(factor: int, hertz: float) -> None:
    low, high = tone(hertz, 8000), tone(hertz, 8000 * factor)
    assert np.abs(inner(dsp.interpolate(low, factor) - high)).max() < 1e-3
    assert np.abs(inner(dsp.decimate(high, factor) - low)).max() < 1e-3


@pytest.mark.parametrize("factor", [2, 3])
def test_what_the_lower_rate_cannot_carry_is_gone(factor: int) -> None:
    assert np.abs(inner(dsp.decimate(tone(4700, 8000 * factor), factor))).max() < 1e-3


@pytest.mark.parametrize("length", [1, 2, 3, 100, 101])
def test_lengths_follow_the_factor(length: int) -> None:
    samples = np.zeros(length, np.float32)
    assert len(dsp.interpolate(samples, 2)) == 2 * length
    assert len(dsp.decimate(samples, 3)) == -(-length // 3)


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("length", [1, 95, 96, 97, 6143, 6144, 6145, 20_000])
def test_a_lower_rate_is_what_the_filter_says_wherever_it_is_cut(factor: int, length: int) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    filtered = np.convolve(samples, dsp._filter(factor).T.reshape(-1))[factor * 16 :: factor]
    whole = dsp.decimate(samples, factor)
    assert whole == pytest.approx(filtered[: len(whole)], abs=1e-5)
    decimator = dsp.Decimator(factor)
    made = [decimator.push(samples[at : at + 1001]) for at in range(0, length, 1001)]
    assert np.concatenate([*made, decimator.flush()]) == pytest.approx(whole, abs=1e-5)


def test_the_limiter_leaves_quiet_samples_alone_and_never_reaches_one() -> None:
    quiet, loud = np.array([0.0, -0.5, 0.69], np.float32), np.array([0.8, -1.0, 3.0], np.float32)
    assert (dsp.limit(quiet) == quiet).all()
    assert (np.abs(dsp.limit(loud)) < 1.0001).all()
    assert (np.sign(dsp.limit(loud)) == np.sign(loud)).all()


def test_a_sentence_for_the_telephone_loses_its_silence_and_fades_at_its_ends() -> None:
    silence = np.zeros(24000, np.float32)
    audio = dsp.for_the_telephone(
        np.concatenate([silence, 0.3 * tone(500, 24000, 1.0), silence]), rate_factor=3, gain=2.0
    )
    assert len(audio) / 8 == pytest.approx(1070, abs=5)
    samples = dsp.from_mulaw(audio)
    assert np.abs(samples[:100]).max() < 0.01
    assert np.abs(samples[1000:2000]).max() == pytest.approx(0.6, abs=0.02)
    assert np.abs(np.diff(samples[[0, 1, -2, -1]])).max() < 0.01


def test_a_sentence_begins_with_what_is_heard_and_not_with_the_breath_before_it() -> None:
    breath, word = 0.003 * tone(2000, 24000, 0.08), 0.3 * tone(500, 24000, 0.5)
    audio = dsp.for_the_telephone(np.concatenate([breath, word, breath]), rate_factor=3, gain=2.0)
    assert len(audio) / 8 == pytest.approx(20 + 500 + 80, abs=5)
    softly = dsp.for_the_telephone(breath, rate_factor=3, gain=2.0)
    assert len(softly) / 8 == pytest.approx(80, abs=5)


def test_a_sentence_without_sound_is_nothing() -> None:
    assert dsp.for_the_telephone(np.zeros(24000, np.float32), rate_factor=3, gain=2.0) == b""
    assert dsp.for_the_telephone(np.zeros(0, np.float32), rate_factor=3, gain=2.0) == b""


def test_levels_are_of_whole_frames() -> None:
    levels = dsp.frame_levels(dsp.SILENCE * 160 + dsp.to_mulaw(0.5 * tone(400, 8000, 0.02)) + b"\x00" * 159)
    assert levels == pytest.approx([0, 0.5 / np.sqrt(2)], abs=0.01)

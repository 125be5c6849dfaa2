from __future__ import annotations

import math

import numpy as np
import pytest

from app.audio.g711 import FRAME_BYTES, SILENCE, frames, rms, to_linear
from app.simulator.line import SILENT_FRAME, Line, LineModel, dbm0_rms
from app.simulator.track import Track
from tests.simulator.servers import tone

SECOND = tone(1000)


def carried(line: Line, clean: bytes | None, seconds: float = 1.0) -> bytes:
    voices = list(frames(clean)) if clean else [None] * round(seconds * 50)
    return b"".join(line.frame(voice, number * 0.02) for number, voice in enumerate(voices))


def decibels(audio: bytes, reference: float) -> float:
    samples = np.frombuffer(to_linear(audio), np.int16).astype(float)
    return 20 * math.log10(np.sqrt(np.mean(samples**2)) / reference)


def test_a_line_without_effects_passes_the_bytes_through() -> None:
    line = Line(LineModel(), 0.0)
    assert carried(line, SECOND) == SECOND
    assert line.frame(None, 1.0) is SILENT_FRAME


def test_noise_has_the_level_asked_for_and_its_seed_repeats_it() -> None:
    noise = carried(Line(LineModel(noise_dbm0=-55.0), 0.0), None)
    assert decibels(noise, dbm0_rms(-55.0)) == pytest.approx(0.0, abs=0.5)
    assert noise == carried(Line(LineModel(noise_dbm0=-55.0), 0.0), None)
    assert noise != carried(Line(LineModel(noise_dbm0=-55.0, seed=1), 0.0), None)


def test_noise_does_not_repeat_itself_soon() -> None:
    noise = carried(Line(LineModel(noise_dbm0=-55.0), 0.0), None)
    assert len(set(frames(noise))) == 50


def test_zero_dbm0_is_three_decibels_below_a_full_scale_sine() -> None:
    assert 20 * math.log10(32124 / 2**0.5 / dbm0_rms(0.0)) == pytest.approx(3.17)


def test_the_callers_level_changes_by_decibels() -> None:
    quiet = carried(Line(LineModel(level_db=-12.0), 0.0), SECOND)
    assert decibels(quiet, rms(SECOND)) == pytest.approx(-12.0, abs=0.1)


def test_too_loud_a_caller_is_clipped_not_wrapped() -> None:
    loud = carried(Line(LineModel(level_db=40.0), 0.0), SECOND)
    samples = np.frombuffer(to_linear(loud), np.int16)
    clean = np.frombuffer(to_linear(SECOND), np.int16)
    assert np.all(samples.astype(int) * clean >= 0)


def test_the_agent_comes_back_quieter_and_later() -> None:
    line = Line(LineModel(echo_db=-25.0, echo_ms=120.0), 0.0)
    line.agent_played(0.0, SECOND)
    returned = carried(line, None, 2.0)
    assert returned[: 120 * 8 - 8].strip(SILENCE) == b""
    assert decibels(returned[120 * 8 : 1120 * 8], rms(SECOND)) == pytest.approx(-25.0, abs=0.3)
    assert returned[1120 * 8 + 8 :].strip(b"\xff\x7f") == b""


def test_a_track_keeps_time() -> None:
    track = Track(10.0)
    track.put(10.5, b"\x01" * 80)
    track.put(10.51, b"\x02" * 80)
    assert track.between(10.49, 10.53) == SILENCE * 80 + b"\x01" * 80 + b"\x02" * 80 + SILENCE * 80
    assert track.between(9.99, 10.0) == SILENCE * 80
    assert track.seconds == pytest.approx(0.52)


def test_a_track_that_keeps_only_its_end_forgets_the_beginning() -> None:
    track = Track(0.0, keep_s=0.5)
    for number in range(100):
        track.put(number * 0.02, bytes([number]) * FRAME_BYTES)
    assert track.between(0.0, 0.02) == SILENT_FRAME
    assert track.between(1.98, 2.0) == bytes([99]) * FRAME_BYTES
    assert track.between(1.52, 1.54) == bytes([76]) * FRAME_BYTES

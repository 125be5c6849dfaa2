from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from app.audio.files import RATE_HZ
from app.audio.g711 import to_linear
from app.simulator.errors import BadRecording
from app.simulator.recording import load_recording, save_recording
from app.simulator.stream import Recording
from tests.simulator.servers import tone


def wav(path: Path, rate_hz: int, channels: int, hz: float, seconds: float = 0.5) -> Path:
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    samples = np.rint(8000 * np.sin(times * hz * 2 * np.pi)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(samples, channels).tobytes())
    return path


def loudness(audio: bytes, hz: float) -> float:
    """Amplitude of one frequency in μ-law audio."""
    samples = np.frombuffer(to_linear(audio), np.int16).astype(float)
    wave_ = np.exp(-2j * np.pi * hz / 8000 * np.arange(len(samples)))
    return float(2 * abs(np.mean(samples * wave_)))


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 11025])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_of_any_rate_becomes_telephone_audio(tmp_path: Path, rate_hz: int, channels: int) -> None:
    audio = load_recording(wav(tmp_path / "a.wav", rate_hz, channels, hz=440.0))
    assert len(audio) == pytest.approx(4000, abs=1)
    assert loudness(audio, 440.0) == pytest.approx(8000, rel=0.05)


def test_what_a_telephone_cannot_carry_is_not_folded_back(tmp_path: Path) -> None:
    audio = load_recording(wav(tmp_path / "a.wav", 16000, 1, hz=7000.0))
    assert loudness(audio, 1000.0) < 100


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.wav", None, "there is no such audio file"),
        ("a.wav", b"", "no audio that can be read"),
        ("a.wav", b"RIFF\x24\x00\x00\x00WAVE", "no audio that can be read"),
        ("a.wav", b"hello, I am no audio at all, whatever my name says", "no audio that can be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, content: bytes | None, fault: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadRecording, match=fault) as caught:
        load_recording(path)
    assert str(path) in str(caught.value)


def test_an_empty_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="no audio in it"):
        load_recording(wav(tmp_path / "a.wav", 8000, 1, 440.0, seconds=0.0))


def test_an_mp3_without_ffmpeg_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3\x04" + bytes(2000))
    with pytest.raises(BadRecording, match="install ffmpeg"):
        load_recording(path)


def test_a_call_is_kept_in_stereo(tmp_path: Path) -> None:
    call = Recording.since(5.0)
    call.caller.put(5.0, tone(100))
    call.agent.put(5.5, tone(200))
    save_recording(tmp_path / "call.wav", call)
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE_HZ, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert len(samples) == 5600
    assert samples[:800, 0].tobytes() == to_linear(tone(100))
    assert not samples[800:, 0].any()
    assert samples[4000:, 1].tobytes() == to_linear(tone(200))
    assert not samples[:4000, 1].any()

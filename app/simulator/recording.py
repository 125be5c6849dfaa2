"""Audio files: what a caller plays into the line, and the record of a call."""

from __future__ import annotations

import warnings
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.audio.g711 import from_linear, to_linear
from app.simulator.errors import BadRecording
from app.simulator.stream import Recording

RATE_HZ = 8000
Samples = NDArray[np.int16]


def load_recording(path: Path) -> bytes:
    """A file's audio as μ-law, 8,000 Hz, mono: WAV always, other formats with ffmpeg. Raises BadRecording."""
    if not path.is_file():
        raise BadRecording(f"{path}: there is no such audio file")
    try:
        samples, rate_hz = _decoded(path)
    except FileNotFoundError:
        raise BadRecording(f"{path}: {_without_ffmpeg(path)}") from None
    if not len(samples):
        raise BadRecording(f"{path}: there is no audio in it")
    return from_linear(_resampled(samples, rate_hz).tobytes())


def _decoded(path: Path) -> tuple[Samples, int]:
    """Mono samples and their rate. Raises BadRecording, and FileNotFoundError for want of ffmpeg."""
    with warnings.catch_warnings(action="ignore"):  # pydub's, about ffmpeg, even where none is needed
        from pydub import AudioSegment
        from pydub.exceptions import CouldntDecodeError

        try:
            with path.open("rb") as file:
                known = "wav" if file.read(4) == b"RIFF" else path.suffix.removeprefix(".") or None
                file.seek(0)
                segment = AudioSegment.from_file(file, known).set_channels(1).set_sample_width(2)
        except (CouldntDecodeError, wave.Error, EOFError, ValueError, IndexError) as error:
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise BadRecording(f"{path}: no audio that can be read ({reason})") from None
    return np.frombuffer(segment.raw_data, np.int16), segment.frame_rate


def _without_ffmpeg(path: Path) -> str:
    if path.suffix.lower() == ".wav":
        return "no audio that can be read: the file is damaged, or a kind of WAV that needs ffmpeg"
    return "only WAV can be read without ffmpeg; install ffmpeg, or convert the file to WAV"


def save_recording(path: Path, recording: Recording) -> None:
    """Write a call as 16-bit stereo WAV, 8,000 Hz: the caller left, the agent right."""
    seconds = max(recording.caller.seconds, recording.agent.seconds)
    tracks = [
        np.frombuffer(to_linear(track.cut(track.began_at, round(seconds * RATE_HZ))), np.int16)
        for track in (recording.caller, recording.agent)
    ]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.stack(tracks, axis=1).tobytes())


def _resampled(samples: Samples, rate_hz: int) -> Samples:
    """To 8,000 Hz by way of the spectrum: what the telephone cannot carry is cut off, not folded back."""
    if rate_hz == RATE_HZ:
        return samples
    count = max(1, round(len(samples) * RATE_HZ / rate_hz))
    spectrum = np.fft.rfft(samples.astype(np.float64))[: count // 2 + 1]
    converted = np.fft.irfft(spectrum, count) * (count / len(samples))
    return np.clip(np.rint(converted), -32768, 32767).astype(np.int16)

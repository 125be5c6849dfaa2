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


def load_recording(path: Path) -> bytes:
    """A file's audio as μ-law, 8,000 Hz, mono: WAV always, other formats with ffmpeg. Raises BadRecording."""
    with warnings.catch_warnings(action="ignore"):  # it complains about a missing ffmpeg before one is needed
        from pydub import AudioSegment
        from pydub.exceptions import CouldntDecodeError
    if not path.is_file():
        raise BadRecording(f"{path}: there is no such audio file")
    try:
        segment = AudioSegment.from_file(path).set_channels(1).set_sample_width(2)
    except FileNotFoundError:
        raise BadRecording(
            f"{path}: only WAV can be read without ffmpeg; install ffmpeg, or convert the file to WAV"
        ) from None
    except (CouldntDecodeError, wave.Error, EOFError, ValueError, IndexError) as error:
        raise BadRecording(f"{path}: no audio that can be read ({_first_line(error)})") from None
    samples = np.frombuffer(segment.raw_data, np.int16)
    if not len(samples):
        raise BadRecording(f"{path}: there is no audio in it")
    return from_linear(_resampled(samples, segment.frame_rate).tobytes())


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


def _resampled(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """To 8,000 Hz by way of the spectrum: what the telephone cannot carry is cut off, not folded back."""
    if rate_hz == RATE_HZ:
        return samples
    count = max(1, round(len(samples) * RATE_HZ / rate_hz))
    spectrum = np.fft.rfft(samples.astype(np.float64))[: count // 2 + 1]
    converted = np.fft.irfft(spectrum, count) * (count / len(samples))
    return np.clip(np.rint(converted), -32768, 32767).astype(np.int16)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__

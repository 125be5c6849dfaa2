"""Audio files as telephone audio: WAV always, other formats where ffmpeg is installed."""

from __future__ import annotations

import io
import warnings
import wave

import numpy as np
from numpy.typing import NDArray

from app.audio.g711 import from_linear, to_linear

RATE_HZ = 8000
# the loudness of speech on the telephone: ITU-T P.56 speech at about -20 dBm0
SPEECH_RMS = 2300.0
PEAK_MAX = 30000.0
QUIET_SHARE = 0.1
FRAME = 160

Samples = NDArray[np.int16]


def to_telephone(data: bytes, name: str) -> bytes:
    """A file's audio as μ-law, 8,000 Hz, mono. `name` tells the format where the data do not.

    Raises ValueError, in words that follow a file's name.
    """
    samples, rate_hz = _decoded(data, name)
    if not len(samples):
        raise ValueError("there is no audio in it")
    return from_linear(_resampled(samples, rate_hz).tobytes())


def levelled(audio: bytes) -> bytes:
    """μ-law speech at the loudness of a telephone call, so that recordings and voices sound alike."""
    samples = np.frombuffer(to_linear(audio), np.int16).astype(np.float64)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    levels = np.sqrt(np.mean(frames**2, axis=1))
    spoken = levels[levels > QUIET_SHARE * levels.max(initial=0.0)]
    if not len(spoken):
        return audio
    gain = min(SPEECH_RMS / np.sqrt(np.mean(spoken**2)), PEAK_MAX / np.abs(samples).max())
    return from_linear(np.rint(samples * gain).astype(np.int16).tobytes())


def _decoded(data: bytes, name: str) -> tuple[Samples, int]:
    with warnings.catch_warnings(action="ignore"):  # pydub's, about ffmpeg, even where none is needed
        from pydub import AudioSegment
        from pydub.exceptions import CouldntDecodeError

        known = "wav" if data.startswith(b"RIFF") else name.rpartition(".")[2] or None
        try:
            segment = AudioSegment.from_file(io.BytesIO(data), known).set_channels(1).set_sample_width(2)
        except FileNotFoundError:
            raise ValueError(_without_ffmpeg(name)) from None
        except (CouldntDecodeError, wave.Error, EOFError, ValueError, IndexError) as error:
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise ValueError(f"no audio that can be read ({reason})") from None
    return np.frombuffer(segment.raw_data, np.int16), segment.frame_rate


def _without_ffmpeg(name: str) -> str:
    if name.lower().endswith(".wav"):
        return "no audio that can be read: the file is damaged, or a kind of WAV that needs ffmpeg"
    return "only WAV can be read without ffmpeg; install ffmpeg, or convert the file to WAV"


def _resampled(samples: Samples, rate_hz: int) -> Samples:
    """To 8,000 Hz by way of the spectrum: what the telephone cannot carry is cut off, not folded back."""
    if rate_hz == RATE_HZ:
        return samples
    count = max(1, round(len(samples) * RATE_HZ / rate_hz))
    spectrum = np.fft.rfft(samples.astype(np.float64))[: count // 2 + 1]
    converted = np.fft.irfft(spectrum, count) * (count / len(samples))
    return np.clip(np.rint(converted), -32768, 32767).astype(np.int16)

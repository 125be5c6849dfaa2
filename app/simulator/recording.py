"""Audio files: what a caller plays into the line, and the record of a call."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from app.audio.files import RATE_HZ, to_telephone
from app.audio.g711 import to_linear
from app.simulator.errors import BadRecording
from app.simulator.stream import Recording


def load_recording(path: Path) -> bytes:
    """A file's audio as μ-law, 8,000 Hz, mono: WAV always, other formats with ffmpeg. Raises BadRecording."""
    if not path.is_file():
        raise BadRecording(f"{path}: there is no such audio file")
    try:
        return to_telephone(path.read_bytes(), path.name)
    except ValueError as error:
        raise BadRecording(f"{path}: {error}") from None


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

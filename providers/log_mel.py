"""Whisper's picture of speech: 80 mel bands each 10 ms, computed at 8 kHz.

Whisper was trained on 16 kHz audio, in windows of 400 samples each 160. A telephone gives nothing above 4 kHz, so half
the samples in windows of 200 each 80 have the same frequencies in the same bins, at half the magnitude; the bands above
4 kHz are empty. That spares the interpolation and half of the transform.
Source: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", §2.2; bands after Slaney (1998).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from providers.dsp import RATE_HZ, Samples

BANDS = 80
FRAME = 200
HOP = 80
FLOOR = 1e-10
DYNAMIC_RANGE = 8.0  # decades below the loudest that are told apart


def log_mel(samples: Samples) -> Samples:
    """Features (80, n) of samples at 8 kHz, one column for each whole 10 ms."""
    padded = np.pad(samples, FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][: len(samples) // HOP]
    spectrum = np.fft.rfft(frames * _window(), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    mel = np.log10(np.maximum(power @ _bands(), FLOOR)).T
    features: Samples = ((np.maximum(mel, mel.max() - DYNAMIC_RANGE) + 4) / 4).astype(np.float32)
    return np.ascontiguousarray(features)


@cache
def _window() -> Samples:
    """A periodic Hann window, doubled to make up for the magnitude that half the samples lack."""
    window: Samples = (2 * np.hanning(FRAME + 1)[:-1]).astype(np.float32)
    return window


@cache
def _bands() -> Samples:
    """Triangles of equal area (101, 80) on the mel scale of 0 to 8 kHz, as far as 4 kHz."""
    edges = _mel_to_hertz(np.linspace(0, _hertz_to_mel(RATE_HZ), BANDS + 2))
    hertz = np.linspace(0, RATE_HZ / 2, FRAME // 2 + 1)[:, None]
    rising = (hertz - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz) / np.diff(edges)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    bands: Samples = (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)
    return bands


# Slaney's mel scale: linear up to 1 kHz, 15 mel, then 27 mel for each factor of 6.4.
_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_MEL = 15
_LOG_STEP = np.log(6.4) / 27


def _hertz_to_mel(hertz: float) -> float:
    """For frequencies above 1 kHz."""
    return float(_BREAK_MEL + np.log(hertz / 1000) / _LOG_STEP)


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, 1000 * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))

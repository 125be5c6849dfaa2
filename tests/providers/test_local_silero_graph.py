from __future__ import annotations

import numpy as np

from providers import weights
from providers.local_onnx import load_session
from providers.local_silero import SileroModel, SileroStates, as_windows
from providers.local_silero_graph import WINDOW

CALLS = 3


def test_it_says_what_the_published_network_says(speech: bytes) -> None:
    published, ours = load_session(weights.path("silero_vad.onnx")), SileroModel()
    states, seen = SileroStates.fresh(CALLS), []
    heard, state = np.zeros((CALLS, 32), np.float32), states.hidden
    for start in range(0, len(speech) // CALLS - WINDOW, WINDOW):
        calls = [speech[len(speech) // CALLS * call :] for call in range(CALLS)]
        windows = as_windows([call[start : start + WINDOW] for call in calls])
        heard = np.concatenate([heard[:, -32:], windows], axis=1)
        feed = {"input": heard, "state": state, "sr": np.array(8000, np.int64)}
        expected, state = published.run(None, feed)
        probabilities, states = ours.infer(windows, states)
        assert np.abs(probabilities - expected[:, 0]).max() < 1e-5
        assert np.abs(states.hidden - state).max() < 1e-4
        seen += probabilities.tolist()
    assert min(seen) < 0.1
    assert max(seen) > 0.9

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from app.audio import g711
from providers.scripted import ScriptedVoiceDetector, hum
from scripts.benches.bare import LEAD_FRAMES, BareCall
from scripts.benches.capacity import CALLS_MOST, next_try

SILENT = g711.SILENCE * g711.FRAME_BYTES


@pytest.mark.parametrize(
    ("verdicts", "following"),
    [
        ({1: True, 200: True}, 250),
        ({200: True, 300: False}, 250),
        ({250: True, 300: False}, 275),
        ({275: True, 300: False}, None),
        ({1: True, 300: False, 200: True, 100: False}, 250),
        ({1: False}, None),
        ({CALLS_MOST: True}, None),
    ],
)
def test_the_largest_number_that_holds_is_found_by_steps(
    verdicts: Mapping[int, bool], following: int | None
) -> None:
    assert next_try(verdicts, 25) == following


def heard_back(call: BareCall, frames: Sequence[bytes]) -> list[list[bytes]]:
    return [call.heard(frame) for frame in frames]


def test_the_bare_server_says_back_what_it_heard_a_frame_for_a_frame() -> None:
    call = BareCall(ScriptedVoiceDetector())
    greeting = heard_back(call, [SILENT] * 100)
    assert len(greeting[0]) == 1 + LEAD_FRAMES
    assert {len(frames) for frames in greeting[1:]} == {0, 1}
    said = list(g711.frames(hum("good morning")))
    assert sum(map(len, heard_back(call, said))) == 0
    back = [frame for frames in heard_back(call, [SILENT] * 200) for frame in frames]
    # the detector notices a voice after a window or two, and takes as long to miss it
    begun = said.index(back[0])
    assert begun <= 2
    assert back[: len(said) - begun] == said[begun:]
    assert set(back[len(said) - begun :]) <= {SILENT}
    assert len(back) <= len(said) + 2
    call.over()

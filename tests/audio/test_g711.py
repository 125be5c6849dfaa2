from __future__ import annotations

import pytest

from app.audio.g711 import frames


@pytest.mark.parametrize(("size", "sizes"), [(0, []), (160, [160]), (161, [160, 1]), (480, [160, 160, 160])])
def test_frames_are_of_20_ms_and_the_last_of_what_is_left(size: int, sizes: list[int]) -> None:
    audio = bytes(at % 251 for at in range(size))
    pieces = list(frames(audio))
    assert [len(piece) for piece in pieces] == sizes
    assert b"".join(pieces) == audio

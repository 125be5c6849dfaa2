from __future__ import annotations

import wave
from pathlib import Path

import pytest

from app.call.message import MessageStore

LOUD = bytes(range(160))


def test_a_message_is_a_wav_file_without_its_last_silence(tmp_path: Path) -> None:
    message = MessageStore(tmp_path).open("CA1", max_s=60)
    for frame in range(100):
        assert not message.add(LOUD, silence_ms=frame * 20.0)
    assert message.close(silence_ms=500) == 1.5
    with wave.open(str(message.path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert file.getnframes() == 12_000
    assert message.path.stat().st_mode & 0o077 == 0


def test_it_ends_after_four_seconds_of_silence_of_its_own(tmp_path: Path) -> None:
    message = MessageStore(tmp_path).open("CA1", max_s=60)
    ends = [message.add(LOUD, silence_ms=60_000) for _ in range(200)]
    assert ends == [False] * 199 + [True]
    message.close(0)


def test_it_ends_when_its_time_is_over(tmp_path: Path) -> None:
    message = MessageStore(tmp_path).open("CA1", max_s=1)
    assert [message.add(LOUD, 0.0) for _ in range(50)][-2:] == [False, True]
    message.close(0)


def test_who_says_nothing_leaves_no_file(tmp_path: Path) -> None:
    message = MessageStore(tmp_path).open("CA1", max_s=60)
    message.add(LOUD, 20)
    assert message.close(20) == 0
    assert list((tmp_path / "recordings").iterdir()) == []


def test_every_message_of_a_call_has_its_own_file(tmp_path: Path) -> None:
    store = MessageStore(tmp_path)
    names = []
    for _ in range(2):
        message = store.open("CA1", max_s=60)
        message.add(LOUD, 0)
        message.close(0)
        names.append(message.path.name)
    assert names == ["CA1-1.wav", "CA1-2.wav"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("in the way")
    with pytest.raises(OSError, match="recordings"):
        MessageStore(tmp_path).open("CA1", max_s=60)


def test_other_calls_messages_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(*given: object) -> None:
        raise AssertionError("the folder is listed")

    monkeypatch.setattr("os.scandir", listed)
    names = []
    for _ in range(3):
        message = MessageStore(tmp_path).open("CA1", max_s=60)
        message.add(LOUD, 0)
        message.close(0)
        names.append(message.path.name)
    assert names == ["CA1-1.wav", "CA1-2.wav", "CA1-3.wav"]

from __future__ import annotations

import logging
import os
import stat
from contextlib import closing
from pathlib import Path

import pytest

from app.call.state_file import KEY_BYTES, open_state, state_key
from app.errors import SettingsError

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, content BLOB)"
PAGE_BYTES = 4096


def kept(data_dir: Path) -> int:
    with closing(open_state(data_dir, SCHEMA)) as database:
        count: int = database.execute("SELECT count(*) FROM things").fetchone()[0]
    return count


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A file with 100 things in it."""
    with closing(open_state(tmp_path, SCHEMA)) as database:
        for number in range(100):
            database.execute("INSERT INTO things VALUES (?, ?)", (f"thing {number}", os.urandom(900)))
    return tmp_path / "state.sqlite3"


def test_what_is_whole_is_kept(state: Path) -> None:
    assert kept(state.parent) == 100
    assert [path.name for path in state.parent.iterdir()] == ["state.sqlite3"]


@pytest.mark.parametrize("part", ["all", "middle", "end", "nearly all"])
def test_what_is_damaged_is_set_aside(state: Path, part: str, caplog: pytest.LogCaptureFixture) -> None:
    whole = state.read_bytes()
    damaged = {
        "all": b"no database " * 1000,
        "middle": whole[: 2 * PAGE_BYTES] + b"\xa5" * 3 * PAGE_BYTES + whole[5 * PAGE_BYTES :],
        "end": whole[: len(whole) // 2],
        "nearly all": whole[:100],
    }[part]
    state.write_bytes(damaged)
    assert kept(state.parent) == 0
    aside = state.with_name("state.sqlite3.damaged")
    assert aside.read_bytes() == damaged
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert str(state) in told.getMessage()
    assert aside.name in told.getMessage()


def test_what_is_no_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite3").mkdir()
    with pytest.raises(SettingsError, match=r"DATA_DIR: .*state\.sqlite3 cannot be used .*name a folder"):
        open_state(tmp_path, SCHEMA)


def test_a_key_is_made_once_and_for_one_folder(tmp_path: Path) -> None:
    key = state_key(tmp_path / "one")
    assert len(key) == KEY_BYTES
    assert state_key(tmp_path / "one") == key
    assert state_key(tmp_path / "other") != key
    assert stat.S_IMODE((tmp_path / "one" / "state.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("left", [b"", b"short"])
def test_a_torn_key_is_made_anew(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "state.key").write_bytes(left)
    assert len(state_key(tmp_path)) == KEY_BYTES


def test_a_key_that_cannot_be_kept_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "state.key").mkdir()
    with pytest.raises(SettingsError, match=r"DATA_DIR: .*state\.key cannot be used .*name a folder"):
        state_key(tmp_path)

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from app.call.call_store import CallStore
from app.clock import ManualClock
from tests.call.test_adoption import SAVED


def test_only_who_nobody_looks_after_is_taken_to_be_ended(tmp_path: Path, clock: ManualClock) -> None:
    with closing(CallStore(tmp_path, clock, "")) as store, closing(CallStore(tmp_path, clock, "")) as other:
        store.begin("CA1", SAVED, 10)
        assert other.claim_stale("CA1", 30) is None
        clock.advance(11)
        assert other.stale() == ["CA1"]
        assert store.renew("CA1", 1, 10)
        assert other.claim_stale("CA1", 30) is None
        assert store.renew("CA1", 1, 10)
        clock.advance(11)
        assert other.claim_stale("CA1", 30) == 2
        assert store.claim_stale("CA1", 30) is None
        assert not store.renew("CA1", 1, 10)
        assert other.remove("CA1", 2)


def test_a_copy_without_its_folder_tells_nothing(tmp_path: Path, clock: ManualClock) -> None:
    with closing(CallStore(tmp_path, clock, "")) as store:
        store.begin("CA1", SAVED, 10)
        assert store.look("CA1")
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "state.sqlite3", tmp_path / "copy")
    with closing(CallStore(tmp_path / "copy", clock, "")) as copied:
        assert copied.look("CA1") is None
    shutil.copy(tmp_path / "state.key", tmp_path / "copy")
    with closing(CallStore(tmp_path / "copy", clock, "")) as copied:
        assert copied.look("CA1")

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from scripts.benches import real_soak


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few calls that come first, hardly any waiting, and the processor as it was when all is over."""
    cores = os.sched_getaffinity(0)
    monkeypatch.setattr(real_soak, "MADE_AFTER_CALLS", 1)
    monkeypatch.setattr(real_soak, "IDLE_S", 0.1)
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.real_time
@pytest.mark.usefixtures("short")
async def test_calls_on_a_real_server_are_held_to_their_records_and_to_what_they_met() -> None:
    report = await real_soak.measure(total=6, at_once=6, share=0, seed=1)
    assert report.figures["events"]["call_ended"] == 6
    assert (report.figures["wrong"], report.figures["spoilt"]) == ([], [])
    missing = [what for what in report.promises if what.startswith("events that never came about")]
    assert "transferred" in missing[0]
    assert not report.promises[missing[0]]

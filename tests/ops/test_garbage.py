"""When everything is looked through for cycles, and that nothing is in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from app.clock import ManualClock
from app.ops.garbage import BUSY_EVERY_S, QUIET_EVERY_S, GarbageCollection
from tests.cycles import old_cycle


@pytest.fixture
def garbage(clock: ManualClock) -> Iterator[GarbageCollection]:
    before = gc.get_threshold()
    collection = GarbageCollection(clock)
    collection.begin()
    yield collection
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.parametrize(("calls", "every_s"), [(0, QUIET_EVERY_S), (3, BUSY_EVERY_S)])
def test_everything_is_looked_through_sooner_where_nobody_talks(
    clock: ManualClock, garbage: GarbageCollection, calls: int, every_s: float
) -> None:
    for _ in range(2):
        cycle = old_cycle()
        clock.advance(every_s - 1)
        garbage.look(calls)
        assert cycle() is not None
        clock.advance(1)
        garbage.look(calls)
        assert cycle() is None


def test_no_number_of_objects_has_everything_looked_through(garbage: GarbageCollection) -> None:
    cycle = old_cycle()
    kept: list[list[int]] = [[] for _ in range(200_000)]
    assert cycle() is not None
    assert kept

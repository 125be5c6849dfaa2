"""What a process still holds: every object of callrelay's own, and what the system counts."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.benches.server import ROOT, Resources

OWN = ("app.", "providers.")
CALLERS = "app.simulator."
GROWERS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is held in a quiet moment. `objects` are callrelay's, by class; `containers` are Python's of any kind."""

    counts: Mapping[str, int]
    objects: Mapping[str, int]
    containers: int

    @classmethod
    def now(cls, **counts: int) -> Holdings:
        """Of this process, which runs an event loop; `counts` are what the caller knows besides."""
        gc.collect()
        alive = gc.get_objects()
        # by their types: to ask a weak proxy what it is raises when what it stood for is gone
        timers = sum(issubclass(type(one), asyncio.TimerHandle) and not one.cancelled() for one in alive)
        process = Resources.of(os.getpid())
        counts |= {
            "tasks": len(asyncio.all_tasks()),
            "timers": timers,
            "threads": process.threads,
            "descriptors": process.descriptors,
        }
        named = Counter(_named(type(one)) for one in alive)
        own = {name: count for name, count in named.items() if _is_own(name)}
        return cls(counts, own, len(alive))

    def grown_since(self, before: Holdings, bounded: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Classes with more objects than before: then and now. Of those in `bounded` there may be so many."""
        return {
            name: (before.objects.get(name, 0), count)
            for name, count in self.objects.items()
            if count > bounded.get(name, before.objects.get(name, 0))
        }


def _is_own(name: str) -> bool:
    return name.startswith(OWN) and not name.startswith(CALLERS)


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


class Growers:
    """Which lines of code hold more memory than when watching began. It makes everything some times slower."""

    def __init__(self) -> None:
        tracemalloc.start()
        self._before = _snapshot()

    def since(self, calls: int) -> Sequence[str]:
        """The worst, so many calls later; ends the watch."""
        grown = _snapshot().compare_to(self._before, "lineno")
        tracemalloc.stop()
        return [_described(one, calls) for one in grown[:GROWERS_SHOWN] if one.size_diff > 0]


def _snapshot() -> tracemalloc.Snapshot:
    gc.collect()
    ours = (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, __file__))
    return tracemalloc.take_snapshot().filter_traces(ours)


def _described(grown: tracemalloc.StatisticDiff, calls: int) -> str:
    frame = grown.traceback[0]
    path = Path(frame.filename)
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-3:])
    return (
        f"{grown.size_diff / calls / 1024:8.3f} KiB a call  {grown.count_diff:6} more  {place}:{frame.lineno}"
    )

"""How a process's memory grows as calls end, and whether that is little enough."""

from __future__ import annotations

from dataclasses import dataclass, field

from scripts.benches.figures import Slope
from scripts.benches.report import Report

GROWTH_MOST_KIB = 1.0
SHOWN = 10


@dataclass(slots=True)
class Growth:
    """Memory in bytes by calls that are over. Samples of before `warm_calls` are shown, and count for nothing."""

    warm_calls: int
    rss_bytes: dict[int, int] = field(default_factory=dict)

    @property
    def slope_kib(self) -> Slope:
        """KiB a call."""
        points = [(float(done), rss / 1024) for done, rss in self.rss_bytes.items()]
        warm = [point for point in points if point[0] >= self.warm_calls]
        return Slope.of(warm if len(warm) > 2 else points)

    def describe(self, report: Report) -> None:
        """Add figures, a table and the promise."""
        slope, samples = self.slope_kib, list(self.rss_bytes)
        shown = samples[:: max(1, len(samples) // SHOWN)]
        mib = {done: round(self.rss_bytes[done] / 2**20, 1) for done in shown}
        report.figures["rss_mib"] = mib
        report.figures["rss_kib_per_call"] = slope.as_json()
        report.table(["calls over", *map(str, mib)], [["RSS, MiB", *mib.values()]])
        report.lines.append(
            f"growth from call {self.warm_calls} on: {slope.estimate:.2f} KiB a call "
            f"(95 %: {slope.low:.2f} to {slope.high:.2f})"
        )
        report.promise(
            f"memory grows by at most {GROWTH_MOST_KIB:g} KiB a call", slope.estimate <= GROWTH_MOST_KIB
        )

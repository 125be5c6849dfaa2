"""How a process's memory grows as calls end, and whether that is little enough."""

from __future__ import annotations

from dataclasses import dataclass, field

from scripts.benches.figures import Slope
from scripts.benches.report import Report

GROWTH_MOST_KIB = 1.0
# memory is taken by the page and by the mebibyte: fewer samples tell nothing
SAMPLES_LEAST = 20
SHOWN = 10


@dataclass(slots=True)
class Growth:
    """Memory in bytes by calls that are over. Samples of before `warm_calls` are shown, and count for nothing."""

    warm_calls: int
    rss_bytes: dict[int, int] = field(default_factory=dict)

    @property
    def slope_kib(self) -> Slope | None:
        """KiB a call; None while there are too few samples."""
        warm = [(float(done), rss / 1024) for done, rss in self.rss_bytes.items() if done >= self.warm_calls]
        return Slope.of(warm) if len(warm) >= SAMPLES_LEAST else None

    def describe(self, report: Report) -> None:
        """Add figures, a table and, where it can be told, the promise."""
        self._describe_samples(report)
        slope = self.slope_kib
        if slope is None:
            report.lines.append(
                f"growth: too few calls to tell; {SAMPLES_LEAST} samples from call {self.warm_calls} on would do"
            )
            return
        report.figures["rss_kib_per_call"] = slope.as_json()
        report.lines.append(
            f"growth from call {self.warm_calls} on: {slope.estimate:.2f} KiB a call "
            f"(95 %: {slope.low:.2f} to {slope.high:.2f})"
        )
        report.promise(
            f"memory grows by at most {GROWTH_MOST_KIB:g} KiB a call", slope.estimate <= GROWTH_MOST_KIB
        )

    def _describe_samples(self, report: Report) -> None:
        samples = list(self.rss_bytes)
        mib = {
            done: round(self.rss_bytes[done] / 2**20, 1) for done in samples[:: max(1, len(samples) // SHOWN)]
        }
        report.figures["rss_mib"] = mib
        report.table(["calls over", *map(str, mib)], [["RSS, MiB", *mib.values()]])

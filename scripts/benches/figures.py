"""The few statistics that the benches need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import sqrt

import numpy as np

RESAMPLES = 2000
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Summary:
    """A sample's quantiles, and the 95 % bootstrap interval of its median."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float
    p50_low: float
    p50_high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """At least one value. Quantiles are interpolated; the resampling has a fixed seed."""
        sample = np.asarray(values, np.float64)
        p50, p95, p99 = np.quantile(sample, (0.5, 0.95, 0.99))
        drawn = np.random.default_rng(0).choice(sample, (RESAMPLES, len(sample)))
        low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
        found = (p50, p95, p99, sample.max(), low, high)
        return cls(len(sample), *(round(float(value), 2) for value in found))

    def as_json(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Slope:
    """How much y grows with x: the Theil–Sen estimate, and Sen's 95 % interval of it."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]]) -> Slope:
        """At least two points with different x."""
        slopes = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if a[0] != b[0])
        n = len(points)
        spread = Z_95 * sqrt(n * (n - 1) * (2 * n + 5) / 18)
        last = len(slopes) - 1
        low, high = round((last - spread) / 2), round((last + spread) / 2)
        return cls(float(np.median(slopes)), slopes[max(0, low)], slopes[min(last, high)])

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}

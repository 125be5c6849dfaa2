from __future__ import annotations

import numpy as np
import pytest

from scripts.benches.figures import Slope, Summary


def test_quantiles_of_a_known_sample() -> None:
    found = Summary.of(range(101))
    assert (found.count, found.p50, found.p95, found.p99, found.max) == (101, 50, 95, 99, 100)


def test_the_interval_holds_the_median_and_narrows_with_the_sample() -> None:
    random = np.random.default_rng(1)
    few, many = (Summary.of(random.normal(100, 10, count).tolist()) for count in (30, 3000))
    for found in (few, many):
        assert found.p50_low < 100 < found.p50_high
    assert many.p50_high - many.p50_low < (few.p50_high - few.p50_low) / 3


def test_one_value_is_its_own_everything() -> None:
    found = Summary.of([7.0])
    assert {found.p50, found.p99, found.max, found.p50_low, found.p50_high} == {7.0}


def test_a_slope_is_found_through_outliers() -> None:
    points = [(float(x), 3.0 * x + 5) for x in range(30)]
    points[10] = (10.0, 900.0)
    points[20] = (20.0, -900.0)
    found = Slope.of(points)
    assert found.estimate == pytest.approx(3.0)
    assert found.low <= 3.0 <= found.high


def test_noise_alone_has_a_slope_that_may_be_nothing() -> None:
    noise = np.random.default_rng(2).normal(0, 1, 50)
    found = Slope.of([(float(x), float(y)) for x, y in enumerate(noise)])
    assert found.low < 0 < found.high

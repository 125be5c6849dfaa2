"""A sample of broken flows is noticed; `scripts/mutations` does it for all."""

from __future__ import annotations

import random

import pytest

from tests.flow.mutants import SEED, Mutant, Original, fate, mutants, originals

SAMPLE = random.Random(SEED).sample([(one, mutant) for one in originals() for mutant in mutants(one)], 40)


@pytest.mark.parametrize(("original", "mutant"), SAMPLE, ids=[str(mutant)[:60] for _, mutant in SAMPLE])
def test_a_broken_flow_is_noticed(original: Original, mutant: Mutant) -> None:
    assert fate(original, mutant) != "UNNOTICED", str(mutant)


def test_an_unbroken_flow_is_the_same() -> None:
    for original in originals():
        assert fate(original, Mutant(original.name, "nothing", 1, original.text, "")) == "equivalent"

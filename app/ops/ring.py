"""Figures of the last while, in memory that is taken once.

Many small objects that live for minutes among others that live for milliseconds would fragment it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Ring:
    """The newest rows of figures, the first of each its moment (monotonic seconds)."""

    def __init__(self, rows: int, columns: int) -> None:
        self._rows = np.full((rows, columns), -np.inf)  # written to, or the system would give it bit by bit
        self._count = 0

    def add(self, at: float, *figures: float) -> None:
        self._rows[self._count % len(self._rows)] = (at, *figures)
        self._count += 1

    def since(self, at: float) -> NDArray[np.float64]:
        """The figures' columns, of every row that is not older; in no order."""
        return self._rows[self._rows[:, 0] >= at, 1:].T

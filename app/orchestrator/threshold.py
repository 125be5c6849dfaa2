"""Which guesses are worth making: those likely enough that, of all that are made, the wanted share is used. Pure.

Every guess is watched, made or not: a chance was given, and the call did or did not come to say it. The threshold is
the lowest chance at which the guesses above it would have been right often enough: precision as asked, and with it the
most recall there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

OUTCOMES_KEPT = 1000
# before so many have been seen, chances count as they are
OUTCOMES_LEAST = 30
LEARN_EVERY = 10
HIGHEST = 0.95
Outcome = tuple[float, bool]


def threshold(outcomes: Iterable[Outcome], accuracy: float) -> float:
    """The lowest chance (0..1) from which on at least `accuracy` of the guesses came true; `HIGHEST` if none is."""
    ordered = sorted(outcomes, reverse=True)
    lowest, right = HIGHEST, 0
    for count, (chance, came_true) in enumerate(ordered, 1):
        right += came_true
        last_of_its_chance = count == len(ordered) or ordered[count][0] < chance
        if last_of_its_chance and right >= accuracy * count:
            lowest = min(lowest, chance)
    return lowest


@dataclass(slots=True)
class AdaptiveThreshold:
    """`accuracy` is the share of guesses that shall be used. `value` is the chance from which on they are made."""

    accuracy: float
    value: float = 0.0
    _outcomes: deque[Outcome] = field(default_factory=lambda: deque(maxlen=OUTCOMES_KEPT), repr=False)
    _new: int = 0

    def __post_init__(self) -> None:
        # an even chance is worth it until more is known, unless half of the guesses would be too bold
        self.value = self.value or self.accuracy / 2

    def settled(self, chance: float, came_true: bool) -> None:
        """A guess of that chance came true, or did not."""
        self._outcomes.append((chance, came_true))
        self._new += 1
        if self._new >= LEARN_EVERY and len(self._outcomes) >= OUTCOMES_LEAST:
            self._new = 0
            self.value = threshold(self._outcomes, self.accuracy)

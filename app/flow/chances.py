"""How likely a call goes which way from a node, learned from calls. Pure.

`STAY` stands for not leaving: the question is put again, after a silence, a misunderstanding or a wish to hear it
again. Where nobody has counted yet, the graph's own guess counts; few calls move it little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.flow.effects import Effect, NodeEntered, Say

STAY: Final = ""
# what not having counted weighs, in calls, over all ways together
PRIOR_CALLS: Final = 2.0
# of an older version, per node: enough to begin with, few enough to be outvoted
INHERITED_CALLS: Final = 20.0

Step = tuple[str, str]


@dataclass(slots=True)
class Chances:
    """`counts` are calls by source and target. Counting is all that changes it."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def saw(self, source: str, target: str, times: int = 1) -> None:
        """A call has gone from a node to another, or stayed."""
        self.counts.setdefault(source, Counter())[target] += times

    def shares(self, source: str, ways: Mapping[str, float]) -> Mapping[str, float]:
        """The chance of each way; they add up to 1. `ways` have the weight that they have uncounted, above zero."""
        counted = self.counts.get(source, Counter())
        total = sum(counted[name] for name in ways) + PRIOR_CALLS
        prior = PRIOR_CALLS / sum(ways.values()) if ways else 0.0
        return {name: (counted[name] + weight * prior) / total for name, weight in ways.items()}

    def inherited(self, renamed: Mapping[str, str]) -> Chances:
        """What a new version of the flow begins with: the same ways, little trusted, under the nodes' new names."""
        found = Chances()
        for source, counted in self.counts.items():
            scale = min(1.0, INHERITED_CALLS / max(counted.total(), 1))
            for target, times in counted.items():
                trusted = max(1, round(times * scale))
                found.saw(renamed.get(source, source), renamed.get(target, target), trusted)
        return found


UNLEARNED: Final = Chances()


def steps(source: str, effects: Iterable[Effect]) -> list[Step]:
    """The ways that one step of a call has gone, from the node that it waited in."""
    gone: list[Step] = []
    at, spoke = source, False
    for effect in effects:
        if isinstance(effect, NodeEntered):
            gone.append((at, effect.node))
            at = effect.node
        spoke = spoke or isinstance(effect, Say)
    return gone or ([(source, STAY)] if spoke else [])

"""The rung for words of the caller's own: what is near in meaning to something the flow knows how to say.

How near, the shell has found out (see inputs.Heard.similar); here is decided what that is worth: little enough to be
asked back more often than acted on. Measured on tests/flow/similarity, see test_similarity.py: of 72 sentences about
something else none came as near as ACT to anything, five as near as ASK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from app.flow.global_intents import global_phrases
from app.flow.model import Meaning, Scene

if TYPE_CHECKING:
    from app.flow.question import Question

ACT: Final = 0.62
ASK: Final = 0.5
# how much nearer it must be than the next intent
MARGIN: Final = 0.1
# too little to act on without asking, see question.SURE_SCORE
DOUBTFUL: Final = 0.54


def alike(scene: Scene, node: Question, similar: Mapping[str, float]) -> Meaning | None:
    """The one thing possible here that is near enough to what was said; unsure, it is asked back in its own words."""
    known = {name: one for name, one in possible(scene, node).items() if name in similar}
    if not known:
        return None
    *others, best = sorted(known, key=lambda name: similar[name])
    nearness, next_best = similar[best], similar[others[-1]] if others else 0.0
    if nearness < ASK or nearness - next_best < MARGIN:
        return None
    return replace(known[best], score=min(nearness, 1.0) if nearness >= ACT else DOUBTFUL)


def possible(scene: Scene, node: Question) -> dict[str, Meaning]:
    """What can be meant here, by intent, each to be asked back in its own words."""
    everywhere = {} if node.modal else global_phrases(scene)
    found = {
        name: Meaning("global", "similarity", 0, name, heard=phrases.sample)
        for name, phrases in everywhere.items()
    }
    return {**found, **node.alternatives(scene)}

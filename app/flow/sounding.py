"""The rung for words that were misheard: what sounds like something the flow knows, "un acito" like "una cita".

Compared are letters in one breath, without the gaps between words. Little is acted on; the rest is asked back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from app.flow.global_intents import global_phrases
from app.flow.languages import language
from app.flow.model import Meaning, Scene
from app.flow.phrases import peelings, words_of
from app.flow.similarity import DOUBTFUL, possible

if TYPE_CHECKING:
    from app.flow.question import Question

# shorter sounds are alike by chance
SHORTEST: Final = 6
# one letter in five may differ; in ten, when it is to be acted on
ASK: Final = 0.8
ACT: Final = 0.9
LONG: Final = 10
# how much nearer it must be than the next intent
MARGIN: Final = 0.1


def sounds_like(scene: Scene, node: Question, text: str) -> Meaning | None:
    """The one thing possible here that sounds nearly like what was heard."""
    spoken = language(scene.state.language)
    words = words_of(text)
    mended = tuple(spoken.mended(one) for one in words)
    heard = {spoken.sound(one) for variant in (words, mended) for one in peelings(variant, spoken)}
    everywhere = {} if node.modal else global_phrases(scene)
    ranked = sorted(
        (
            (_nearest(heard, known.sounds), name)
            for name, known in {**everywhere, **node.phrases(scene)}.items()
        ),
        reverse=True,
    )
    if not ranked or ranked[0][0] < ASK:
        return None
    (nearness, name), rivals = ranked[0], ranked[1:]
    if rivals and nearness - rivals[0][0] < MARGIN:
        return None
    sure = nearness >= ACT and max(map(len, heard)) >= LONG
    return replace(possible(scene, node)[name], rung="sound", score=nearness if sure else DOUBTFUL)


def _nearest(heard: set[str], sounds: tuple[str, ...]) -> float:
    """The greatest likeness of any, 0 where none comes near."""
    found = (
        process.extractOne(one, sounds, scorer=Levenshtein.normalized_similarity, score_cutoff=ASK)
        for one in heard
        if len(one) >= SHORTEST
    )
    return max((one[1] for one in found if one), default=0.0)

"""The last rung that needs no model: what a sentence mentions in passing is asked back, and never acted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from app.flow.global_intents import global_phrases
from app.flow.languages import language
from app.flow.model import Meaning, Scene
from app.flow.phrases import mentioned, words_of
from app.flow.similarity import DOUBTFUL, possible

if TYPE_CHECKING:
    from app.flow.question import Question


# what is further away in meaning is no more than a word that also has another
FURTHEST: Final = 0.25


def guess(scene: Scene, node: Question, text: str, similar: Mapping[str, float]) -> Meaning | None:
    """What may be meant, where nothing better is known."""
    known = {**({} if node.modal else global_phrases(scene)), **node.phrases(scene)}
    name = mentioned(words_of(text), known, language(scene.state.language))
    if name is None or similar.get(name, 1.0) < FURTHEST:
        return node.presumed(scene, text)
    return replace(possible(scene, node)[name], rung="guess", score=DOUBTFUL)

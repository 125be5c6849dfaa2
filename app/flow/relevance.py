"""Whether what was said beside a value belongs to it: "Thursday would suit me", or "my sister marries on Thursday"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from app.flow.early import without_values
from app.flow.languages import Language
from app.flow.model import Scene
from app.flow.phrases import Words, peelings, words_of
from app.flow.prompts import Prompt

_HOLE = re.compile(r"\{[{%].*?[%}]\}")
# as many letters make "birthday" a word of the question that asks for a date of birth
SAME_BEGINNING = 4


def strays(scene: Scene, rest: str, kind: str, *prompts: Prompt | None) -> Words:
    """The words of content that belong neither to an answer of this kind nor to the question's own words."""
    spoken = scene.hearing.language
    core = min(peelings(words_of(rest), spoken), key=len, default=())
    if any(core[at : at + len(one)] == one for one in spoken.unsure for at in range(len(core))):
        return core
    if not _strays(words_of(rest), kind, prompts, spoken):
        return ()
    return _strays(words_of(without_values(scene, rest)), kind, prompts, spoken)


def _strays(words: Words, kind: str, prompts: Iterable[Prompt | None], spoken: Language) -> Words:
    negating = spoken.negations - spoken.corrections
    # "one" is an article in many a language
    known = spoken.small_talk | spoken.frames | {"1"}
    left = [
        word
        for word in _beside_the_frame(words, kind, spoken)
        if word in negating or not (word in known or spoken.mended(word) in known)
    ]
    return tuple(_off_topic(left, prompts, spoken)) if left else ()


def bare(scene: Scene, rest: str, kind: str, *prompts: Prompt | None) -> bool:
    """Whether nothing but politeness was said beside a value: "no, I'd like … please", not "I was there …"."""
    spoken = scene.hearing.language
    said = tuple(spoken.mended(word) for word in words_of(rest))
    words = tuple(_off_topic(_beside_the_frame(said, kind, spoken), prompts, spoken))
    core = min(peelings(words, spoken), key=len, default=())
    small = spoken.calendar.open_endings
    return all(one in small or (one,) in spoken.openings | spoken.closings for one in core)


def _beside_the_frame(words: Words, kind: str, spoken: Language) -> list[str]:
    frame = spoken.frames | spoken.hesitations | spoken.corrections | spoken.key_words | spoken.changes
    return [word for word in words if word not in frame and word not in spoken.kinds.get(kind, ())]


def _off_topic(words: Iterable[str], prompts: Iterable[Prompt | None], spoken: Language) -> list[str]:
    lines = (line for prompt in prompts if prompt for line in prompt.lines.get(spoken.code, ()))
    topic = {word for line in lines for word in _beginnings(line.template.source)}
    return [word for word in words if word[:SAME_BEGINNING] not in topic]


@lru_cache(maxsize=2048)
def _beginnings(source: str) -> frozenset[str]:
    """How the words of a prompt begin that are long enough to tell."""
    words = words_of(_HOLE.sub(" ", source))
    return frozenset(word[:SAME_BEGINNING] for word in words if len(word) >= SAME_BEGINNING)

"""When speech over the agent is an interruption: by its words, and by its length where they are not understood.

Coughs, noises, signs of listening and the agent's own echo are none. The figures were tuned on
`scripts/bench interruptions`.
"""

from __future__ import annotations

from app.audio.endpoint import stammers
from app.call.saying import Prompt
from app.dialogue.backchannel import unrepeated, words_beyond
from app.flow.effects import Listen
from providers.base import Hypothesis

# a recogniser makes words of any sound, and most of the first bit of one
SOME_WORDS_MS = 320.0
ONE_WORD_MS = 480.0
# Moonshine's confidence in words that are none is mostly below that; where there are so many, it is speech
SURE_OF_WORDS = 0.5
DOUBTED_WORDS = 4
BEGINNING_MS = 192.0
BEGINNING_LETTERS = 4
# longer than a cough or one "mm-hm"; longer than whatever only shows that somebody listens
LONG_MS = 576.0
SURELY_MEANT_MS = 1200.0


def is_meant(heard: Hypothesis, voiced_ms: float, prompt: Prompt | None, question: Listen | None) -> bool:
    """Whether the words so far, of which `voiced_ms` were voiced, interrupt what is being said."""
    once = unrepeated(heard.text)
    if question and any(question.grammar.complete(text) for text in {heard.text, once}):
        return True
    long_enough = sum(map(str.isalnum, once)) >= BEGINNING_LETTERS
    begins_an_answer = bool(question and long_enough and question.grammar.begins(once))
    if voiced_ms < (BEGINNING_MS if begins_an_answer else SOME_WORDS_MS):
        return False
    words = words_beyond(heard.text, heard.language, prompt.text if prompt else "")
    needed = 1 if begins_an_answer else _words_needed(heard, voiced_ms)
    return words >= max(needed, prompt.min_words if prompt else 1)


def _words_needed(heard: Hypothesis, voiced_ms: float) -> int:
    doubted = heard.confidence is not None and heard.confidence < SURE_OF_WORDS
    if voiced_ms < ONE_WORD_MS and stammers(heard.text):
        doubted = True
    if doubted:
        return DOUBTED_WORDS
    return 1 if voiced_ms >= ONE_WORD_MS else 2


def lasts_too_long(unbroken_ms: float, heard: Hypothesis | None, prompt: Prompt | None) -> bool:
    """Whether speech without a pause lasts longer than what is no interruption does.

    `heard` is what has been made of it, None where nobody has listened yet: then it may still be a sign of listening.
    """
    if unbroken_ms >= SURELY_MEANT_MS:
        return True
    if unbroken_ms < LONG_MS or heard is None or (prompt and prompt.min_words > 1):
        return False
    return not heard.text or words_beyond(heard.text, heard.language, prompt.text if prompt else "") > 0

"""How long a silence must be to end a turn, by what is known of what was said.

Three witnesses: the node's grammar of completeness (a yes/no, a date, enough digits), an end-of-turn network that
listens to the intonation, and the last word. A grammar that is satisfied ends the turn at the first short silence;
one that is not waits. In between the network decides, unless the last word is one that nobody ends on.
"""

from __future__ import annotations

from dataclasses import dataclass

COMPLETE_MS = 96.0
LIKELY_MS = 160.0
OPEN_MS = 700.0
INCOMPLETE_MS = 1000.0
UNKNOWN_MS = 900.0

# words that announce another, per language
_DANGLING = {
    "en": "a an the and or but so because if that to of for from with at in on by my your his her our their is are am "
    "was were i'm it's i'd i'll we'd would could can will um uh er like about",
    "es": "un una el la los las y o pero porque si que a de para por con en mi su es son está eh este",
    "fr": "un une le la les et ou mais parce si que à de du des pour par avec en dans mon ma mes son sa est sont euh",
    "de": "ein eine einen der die das und oder aber weil wenn dass zu von für mit bei in an auf mein meine ist sind "
    "äh ähm",
}
DANGLING = {language: frozenset(words.split()) for language, words in _DANGLING.items()}


@dataclass(frozen=True, slots=True)
class Pause:
    """What is known about a pause. `text` None: not yet recognised; `end_probability` None: nobody was asked."""

    text: str | None = None
    complete: bool | None = None
    end_probability: float | None = None


def silence_needed_ms(pause: Pause, language: str) -> float:
    """How long the pause must last to be the end of the turn."""
    if pause.text is None:
        return UNKNOWN_MS
    if pause.complete is True:
        return COMPLETE_MS
    if pause.complete is False or dangles(pause.text, language):
        return INCOMPLETE_MS
    probability = 0.5 if pause.end_probability is None else pause.end_probability
    return LIKELY_MS + (OPEN_MS - LIKELY_MS) * min(1.0, max(0.0, (0.9 - probability) / 0.8))


def dangles(text: str, language: str) -> bool:
    """Whether the last word is one that nobody ends on."""
    words = text.lower().replace("’", "'").rstrip(" .,!?…-").split()
    return bool(words) and words[-1] in DANGLING.get(language, frozenset())

"""How long a silence must be to end a turn, by what is known of what was said.

Three witnesses: the node's grammar of completeness (a yes/no, a date, enough digits), an end-of-turn network that
listens to the intonation, and the words themselves. A grammar that is satisfied ends the turn at the first short
silence, unless the voice says clearly that there is more ("No, I don't" … "think so"); one that is not satisfied waits.
In between the network decides, unless the last word is one that nobody ends on, or there are too few words to go by.
What it is not sure of at once it is asked again when the silence has lasted a while, which is part of what it listens
to: then only a clear "no" makes the wait longer, for nothing else tells a pause from an end.

The figures were tuned on `scripts/bench endpointing`, which prints what others would cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

COMPLETE_MS = 160.0
LIKELY_MS = 200.0
ASK_AGAIN_MS = 380.0
STILL_LIKELY_MS = 840.0
UNLIKELY_MS = 1050.0
UNKNOWN_MS = 900.0

IN_DOUBT_BELOW = 0.2
# probability of an end up to which the longer wait holds, and from which on the shorter one does
AT_ONCE = (0.95, 0.995)
LATER = (0.02, 0.1)
FEW_WORDS = 2
REPEATED_FROM = 4

# words that announce another, per language
_DANGLING = {
    "en": "a an the and or but because if to of for from with at in on by my your his her our their is are am "
    "was were i'm it's that's i'd i'll we'd would could can will um uh er like about had has been",
    "es": "un una el la los las y o pero porque si que a de para por con en mi su es son está eh este",
    "fr": "un une le la les et ou mais parce si que à de du des pour par avec en dans mon ma mes son sa est sont euh",
    "de": "ein eine einen der die das und oder aber weil wenn dass zu von für mit bei in an auf mein meine ist sind "
    "äh ähm",
}
DANGLING = {language: frozenset(words.split()) for language, words in _DANGLING.items()}


@dataclass(frozen=True, slots=True)
class Pause:
    """What is known about a pause. `text` None: not yet recognised; `end_probability` None: nobody was asked.

    `later_probability` is what the same network says after ASK_AGAIN_MS of silence.
    """

    text: str | None = field(default=None, repr=False)
    complete: bool | None = None
    end_probability: float | None = None
    later_probability: float | None = None


def silence_needed_ms(pause: Pause, language: str) -> float:
    """How long the pause must last to be the end of the turn."""
    if pause.text is None:
        return UNKNOWN_MS
    if pause.complete is True:
        in_doubt = pause.end_probability is not None and pause.end_probability < IN_DOUBT_BELOW
        return _by_voice(pause) if in_doubt else COMPLETE_MS
    words = _words(pause.text)
    if pause.complete is False or len(words) <= FEW_WORDS or _dangles(words, language) or _stammers(words):
        return UNLIKELY_MS
    return _by_voice(pause)


def _by_voice(pause: Pause) -> float:
    if pause.later_probability is not None:
        return _between(STILL_LIKELY_MS, UNLIKELY_MS, _doubt(pause.later_probability, LATER))
    if pause.end_probability is not None:
        return _between(LIKELY_MS, UNLIKELY_MS, _doubt(pause.end_probability, AT_ONCE))
    return UNLIKELY_MS


def _doubt(probability: float, span: tuple[float, float]) -> float:
    """0 for a sure end to 1 for none."""
    unlikely, likely = span
    return min(1.0, max(0.0, (likely - probability) / (likely - unlikely)))


def _between(least_ms: float, most_ms: float, doubt: float) -> float:
    return least_ms + (most_ms - least_ms) * doubt


def announces_more(text: str, language: str) -> bool:
    """Whether words end on one that nobody ends on."""
    words = _words(text)
    return bool(words) and _dangles(words, language)


def stammers(text: str) -> bool:
    """Whether the recogniser repeats itself, as it does on a word that was cut off and on what is no word."""
    return _stammers(_words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'’]+", text.lower())


def _dangles(words: list[str], language: str) -> bool:
    """Whether the last word is one that nobody ends on."""
    return words[-1].replace("’", "'") in DANGLING.get(language, frozenset())


def _stammers(words: list[str]) -> bool:
    return len(words) >= REPEATED_FROM and len(set(words)) <= len(words) // 2

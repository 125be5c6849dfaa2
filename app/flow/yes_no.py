"""Yes and no, by voice and key, in every language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from app.flow.languages import Language
from app.flow.model import Meaning
from app.flow.phrases import PhraseMatch, PhraseSet, Words, covered, match, peelings, words_of

YES_NO_KEYS: Final[Mapping[str, Meaning]] = {
    "1": Meaning("choice", "keypad", 1.0, "yes"),
    "2": Meaning("choice", "keypad", 1.0, "no"),
}


# "no" must be most of what was said, not one word in a story
SURE_SHARE: Final = 0.6
# words of content that may follow
MOST_BESIDE: Final = 3


@cache
def yes_no_phrases(spoken: Language) -> Mapping[str, PhraseSet]:
    """What settles the question, `unsure` being the answer that is neither."""
    sets = {"yes": spoken.yes, "no": spoken.no, "unsure": spoken.unsure}
    return {
        name: PhraseSet.of((" ".join(words) for words in sorted(known)), spoken)
        for name, known in sets.items()
    }


def understand_yes_no(text: str, spoken: Language) -> PhraseMatch | None:
    """`yes` or `no`, None where it is neither."""
    words = words_of(text)
    found = match(words, yes_no_phrases(spoken), spoken)
    if found is None or found.score < 1:
        found = _made_of(words, spoken) or found
    if found is None or found.score <= SURE_SHARE:
        return _by_first_word(words, spoken)
    return None if found.name == "unsure" else found


def is_unsure(text: str, spoken: Language) -> bool:
    """Whether the whole answer is that there is none: "I don't know yet"."""
    found = match(words_of(text), {"unsure": yes_no_phrases(spoken)["unsure"]}, spoken)
    return found is not None and found.score == 1


def begins_unsure(text: str, spoken: Language) -> bool:
    """Whether the caller begins by not knowing: what follows is not asked for."""
    cores = peelings(words_of(text), spoken)
    return any(words[: len(one)] == one for words in cores for one in spoken.unsure)


def _made_of(words: Words, spoken: Language) -> PhraseMatch | None:
    """Several of the one kind, and nothing else: "correct, go ahead", "no, forget it, bye"."""
    around = spoken.openings | spoken.closings
    for name, known, opposite in (("yes", spoken.yes, spoken.no), ("no", spoken.no, spoken.yes)):
        if any(one in known for one in _pieces(words)) and covered(words, known | (around - opposite)):
            return PhraseMatch(name, 1.0)
    return None


def _pieces(words: Words) -> Iterator[Words]:
    return (words[start:end] for start in range(len(words)) for end in range(start + 1, len(words) + 1))


def _by_first_word(words: Words, spoken: Language) -> PhraseMatch | None:
    """ "Yes, Wednesday is fine", "No, I have no more questions": who begins like this has answered.

    Not so if the opposite is said as well, or much else, or with a word that often begins something else.
    """
    for name, known in (("yes", spoken.yes), ("no", spoken.no)):
        if words[:1] in known and words[1:] in known:
            return PhraseMatch(name, 1.0)
    content = [word for word in words[1:] if word not in spoken.small_talk]
    if not words or len(content) > MOST_BESIDE or any(word in spoken.hedges for word in words):
        return None
    if words[0] not in spoken.firm or begins_unsure(" ".join(words), spoken):
        return None
    if words[:1] in spoken.yes and not any(
        (word,) in spoken.no or word in spoken.negations for word in words[1:]
    ):
        return PhraseMatch("yes", SURE_SHARE, (0, 1))
    if words[:1] in spoken.no and not any((word,) in spoken.yes for word in words[1:]):
        return PhraseMatch("no", SURE_SHARE, (0, 1))
    return None

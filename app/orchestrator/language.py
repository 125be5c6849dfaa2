"""Which language a call goes on in, decided from what was heard: decisions only.

What a recogniser says counts at once, if it heard another language than it was asked to listen for. Else the words
tell, by `eldc`: two utterances in a row that agree, or one that leaves no doubt. A word or two says too little.
A language that the call cannot go on in must be surer: names and places sound foreign anywhere, and a wrong apology is
worse than a late one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cache

import eldc

SURE = 0.95
FOREIGN = 0.9  # whole sentences score more, names and places less
SHORTEST_LETTERS = 8
SCORES = 20  # the best ones; a flow's languages may be among the lower

Identify = Callable[[str, Collection[str]], tuple[str, float]]

_NO_LETTERS = re.compile(r"[\W\d_]+")


def identified(text: str, among: Collection[str]) -> tuple[str, float]:
    """The language of a text and how well it fits, 0..1; empty when the text is too short to tell."""
    if len(_NO_LETTERS.sub("", text)) < SHORTEST_LETTERS:
        return "", 0.0
    _load()
    scores = eldc.detect_details(text).scores
    known = {language: scores[language] for language in among if language in scores}
    best = max(known, key=lambda language: known[language], default="")
    return best, known.get(best, 0.0)


@cache
def _load() -> None:
    eldc.init()
    eldc.set_scores(SCORES)


class LanguageChoice:
    """One call's. `among` are the languages that it may be in, `others` those that it can be told from."""

    def __init__(
        self, among: Collection[str], identify: Identify = identified, others: Collection[str] = ()
    ) -> None:
        self._among = among
        self._others = others
        self._identify = identify
        self._suspected = ""

    def heard(self, text: str, said: str, now: str) -> str | None:
        """The language that is spoken, after `text` in a call that is in `now`; None for the same as before.

        `said` is the language that the recogniser heard.
        """
        said = said.partition("-")[0]
        heard_as = said != now and said in self._among
        found, score = (said, 1.0) if heard_as else self._identify(text, (*self._among, *self._others))
        if not found or found == now:
            self._suspected = "" if found else self._suspected
            return None
        agreed = found == self._suspected
        enough = (agreed and score > FOREIGN) if found in self._others else (agreed or score > SURE)
        self._suspected = "" if enough else found
        return found if enough else None

"""One answer out of two: a reply that broke off, and another model's continuation of it.

What has been passed on always ends with a whole word, so a continuation begins with one; where it repeats the end of
what was said (or begins all over again), the repetition is cut.
"""

from __future__ import annotations

import re

LONGEST_WORD = 40
WORD = re.compile(r"\w(?:[^\s]*\w)?")


class WholeWords:
    """Holds back the word that is still being written; scripts without spaces for forty characters at most."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> str:
        """The text up to the white space before the last word."""
        text = self._rest + text
        at = max(text.rfind(space) for space in " \n\t")
        at = len(text) if len(text) - max(at, 0) > LONGEST_WORD else max(at, 0)
        self._rest = text[at:]
        return text[:at]

    def end(self) -> str:
        """The last word, now known to be complete."""
        rest, self._rest = self._rest, ""
        return rest


class Splice:
    """Lets through what a continuation adds to `said`. Feed it whole words."""

    def __init__(self, said: str) -> None:
        self._said = said
        self._words = _words(said)
        self._held = ""
        self._open = bool(said.strip())

    def feed(self, text: str) -> str:
        """What of it is new; empty while it may still be a repetition."""
        if not self._open:
            return text
        self._held += text
        return "" if self._may_be_repetition(_words(self._held)) else self.end()

    def end(self) -> str:
        """What was held back and is new."""
        if not self._open:
            return ""
        self._open = False
        return self._joined(self._held[self._overlap_end() :])

    def _may_be_repetition(self, words: list[str]) -> bool:
        return any(
            self._words[start : start + len(words)] == words and len(self._words) - start >= len(words)
            for start in range(len(self._words))
        )

    def _overlap_end(self) -> int:
        """Where the longest repetition at the beginning of the continuation ends."""
        found = list(WORD.finditer(self._held))
        words = [match.group().casefold() for match in found]
        for count in range(min(len(words), len(self._words)), 0, -1):
            if self._words[-count:] == words[:count]:
                return found[count - 1].end()
        return 0

    def _joined(self, added: str) -> str:
        """With the space, and without the full stop, that the seam needs."""
        if not self._said[-1].isalnum():
            added = re.sub(r"^[^\w\s]+(?=\s|$)", "", added)
        seam_is_open = (
            added and not self._said[-1].isspace() and (added[0].isalnum() or added[0] in "¿¡«„“\"'(")
        )
        return f" {added}" if seam_is_open else added


def _words(text: str) -> list[str]:
    return [match.group().casefold() for match in WORD.finditer(text)]

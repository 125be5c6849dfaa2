"""When words that are still being spoken are worth a guess at the answer.

They are at once when they answer the question, and when they have stayed the same for a while: then what the voice
still does is a courtesy or a hesitation. The beginning of an answer never is. A guess costs as much as an answer, so
there are few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SETTLED_S = 0.3
GUESSES_AT_MOST = 2

Words = tuple[str, ...]


@dataclass(slots=True)
class Interim:
    """The words of one utterance so far, without courtesies and hesitations. Moments are monotonic seconds."""

    _words: Words = field(default=(), repr=False)
    _complete: bool | None = None
    _since: float = 0.0
    _guessed: Words = field(default=(), repr=False)
    _guesses: int = 0

    @property
    def may_guess(self) -> bool:
        """Whether there may be another guess, whatever comes."""
        return self._guesses < GUESSES_AT_MOST

    def heard(self, words: Words, complete: Callable[[], bool | None], now: float) -> None:
        """These have been said so far; perhaps they are the same as before.

        `complete`, asked of others only, is whether they answer the question, None where nobody knows, False for a mere
        beginning.
        """
        if words != self._words:
            self._words, self._complete, self._since = words, complete(), now

    def worth_a_guess(self, now: float) -> bool:
        """Whether to guess, for the first time, that these are all. It counts."""
        settled_at = self._since + (0.0 if self._complete else SETTLED_S)
        if self._words == self._guessed or not self.may_guess:
            return False
        if self._complete is False or now < settled_at:
            return False
        self._guessed = self._words
        self._guesses += 1
        return True

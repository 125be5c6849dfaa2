"""Which of a caller's words and keys may be a secret, or the rest of one."""

from __future__ import annotations

from collections.abc import Sequence

from app.call.saying import Prompt
from app.flow.effects import Listen

MASK = "•••"  # what a record has instead of a secret
ENTRY_PAUSE_S = 1.0


class Secrecy:
    """From a sensitive question on, everything, until another question was heard. Moments are monotonic seconds.

    Whoever types a digit too many, or says it all again, does not know yet that the question was answered.
    """

    def __init__(self, in_force: bool) -> None:
        self._in_force = in_force
        self._lifted_by: Prompt | None = None
        self._lifted_at = float("-inf")
        self._key_at = float("-inf")
        self._entry_began_at = float("-inf")

    def covers(self, since: float) -> bool:
        """Whether what the caller began at a moment may be a secret."""
        return self._in_force or since < self._lifted_at

    def key_entry(self, now: float) -> float:
        """A key is pressed: when the run of keys that it belongs to began."""
        if now - self._key_at > ENTRY_PAUSE_S:
            self._entry_began_at = now
        self._key_at = now
        return self._entry_began_at

    def asked(self, question: Listen, unheard: Sequence[Prompt], now: float) -> None:
        """A question was put, whose last words are the last that are still to be heard; none if all was heard."""
        self._lifted_by = None
        if question.sensitive:
            self._in_force = True
        elif unheard:
            self._lifted_by = unheard[-1]
        else:
            self._lift(now)

    def heard(self, prompt: Prompt, now: float) -> None:
        """A prompt was heard to its end."""
        if prompt is self._lifted_by:
            self._lift(now)

    def _lift(self, now: float) -> None:
        if self._in_force:
            self._in_force, self._lifted_at = False, now

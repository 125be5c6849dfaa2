"""Which of a service's words belong to the caller's current utterance.

A cloud recogniser cuts speech into phrases of its own, by its own idea of silence, and knows nothing of utterances:
a phrase may go on when a turn has been answered long ago, and its final may come in the middle of the next one. So
words that an utterance has taken are counted, and never belong to another.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class PhrasesHeard:
    """The phrases of one stream of audio. Times are milliseconds since its beginning."""

    _began_ms: float = 0.0
    _finals: list[str] = field(default_factory=list, repr=False)
    _current: list[str] = field(default_factory=list, repr=False)
    _taken: int = 0
    covered_ms: float = 0.0

    @property
    def text(self) -> str:
        """The utterance's words so far."""
        return " ".join([*self._finals, *self._current[self._taken :]])

    @property
    def settled(self) -> bool:
        """Whether all words so far are final, and there are any."""
        return bool(self._finals) and len(self._current) <= self._taken

    def began(self, at_ms: float) -> None:
        """An utterance begins; what was said before it belongs to nobody."""
        self._began_ms = at_ms
        self._finals = []
        if self.covered_ms <= at_ms:
            self._taken = len(self._current)

    def hypothesis(self, text: str, end_ms: float) -> None:
        """What the service thinks of the phrase that goes on, up to `end_ms`."""
        self._current = text.split()
        self._saw(end_ms)

    def final(self, text: str, end_ms: float) -> None:
        """What the service made of the phrase in the end."""
        words = text.split()
        if self._taken:
            fresh = max(0, len(self._current) - self._taken)
            words = words[len(words) - fresh :]
        if words and end_ms > self._began_ms:
            self._finals.append(" ".join(words))
        self._current, self._taken = [], 0
        self._saw(end_ms)

    def take(self) -> str:
        """The utterance is over: its words."""
        text = self.text
        self._finals, self._taken = [], len(self._current)
        return text

    def _saw(self, end_ms: float) -> None:
        self.covered_ms = max(self.covered_ms, end_ms)
        if end_ms <= self._began_ms:
            self._taken = len(self._current)

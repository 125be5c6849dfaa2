"""Speech that has been made before: words in a voice, and the μ-law audio they became."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from providers.base import Voice

MAX_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class SpeechCache:
    """Bounded by entries and by bytes; what was not used for longest goes first."""

    max_entries: int
    max_bytes: int = MAX_BYTES
    hits: int = 0
    misses: int = 0
    _audio: OrderedDict[tuple[str, Voice], bytes] = field(default_factory=OrderedDict, repr=False)
    _bytes: int = 0

    def get(self, text: str, voice: Voice) -> bytes | None:
        """The audio of a text, None where it has to be made; counts either."""
        audio = self._audio.get((text, voice))
        if audio is None:
            self.misses += 1
            return None
        self.hits += 1
        self._audio.move_to_end((text, voice))
        return audio

    def __contains__(self, key: tuple[str, Voice]) -> bool:
        return key in self._audio

    @property
    def texts(self) -> list[str]:
        """What is kept, what was not used for longest first."""
        return [text for text, _ in self._audio]

    def put(self, text: str, voice: Voice, audio: bytes) -> None:
        """Keep the audio of a text."""
        self._bytes += len(audio) - len(self._audio.pop((text, voice), b""))
        self._audio[text, voice] = audio
        while self._bytes > self.max_bytes or len(self._audio) > self.max_entries:
            _, dropped = self._audio.popitem(last=False)
            self._bytes -= len(dropped)

    @property
    def hit_rate(self) -> float | None:
        """Share of texts that were there already, None before the first was asked for."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None

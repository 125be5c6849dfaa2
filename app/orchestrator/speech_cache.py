"""Speech that has been made before: words in a voice, and the μ-law audio they became. One process's, in memory.

Who asks is never made to wait: what is here is here at once, what is not is made (`making.py`) or has been asked for
ahead (`preparing.py`). Fixed words stay for two hours after they were last wanted, others for minutes: they hold what
callers said, so whoever owns it sweeps it. What is sensitive never comes here at all.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from app.audio.g711 import duration_ms
from app.clock import Clock, SystemClock
from app.orchestrator.cache_figures import CacheFigures, Kind
from providers.base import Voice

if TYPE_CHECKING:
    from app.orchestrator.making import Making

MAX_BYTES = 64 * 1024 * 1024
FIXED_TTL_S = 2 * 3600.0
TTL_S = 300.0
FORMAT = "g711-mulaw-8000"
NOTES_KEPT = 2000
PACKING_LEVEL = 1

Why = Literal["evicted", "expired"]


def key_of(text: str, voice: Voice) -> str:
    """What a text in a voice is kept under, here and in the shared level: a hash of all that its sound depends on."""
    parts = (text, voice.name, voice.language, voice.provider, FORMAT)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


@dataclass(slots=True)
class Kept:
    """`audio` may be packed. `made_ms` is what making it took; `ahead`: made before anybody asked, and not used yet.

    What is `pinned` does not make room for anything else.
    """

    text: str = field(repr=False)
    kind: Kind
    audio: bytes = field(repr=False)
    spoken_ms: float
    made_ms: float
    ahead: bool
    until: float
    pinned: bool = False


@dataclass(slots=True)
class SpeechCache:
    """Bounded by entries and by bytes; what was not used for longest goes first. `ttl_s` is for words that vary."""

    max_entries: int
    max_bytes: int = MAX_BYTES
    ttl_s: float = TTL_S
    packed: bool = False
    clock: Clock = field(default_factory=SystemClock)
    figures: CacheFigures = field(default_factory=CacheFigures)
    # what is being made at this moment, by key
    makings: dict[str, Making] = field(default_factory=dict, repr=False)
    size_bytes: int = 0
    _kept: OrderedDict[str, Kept] = field(default_factory=OrderedDict, repr=False)
    _notes: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)

    def get(self, text: str, voice: Voice, kind: Kind = "static") -> bytes | None:
        """The audio of a text, None where it has to be made; counts either."""
        entry = self._living(key_of(text, voice))
        if entry is None:
            self.figures.missed(kind)
            return None
        self.figures.hit(kind, voice, ahead=entry.ahead)
        entry.ahead = False
        if entry.kind == "static":
            entry.until = self.clock.now() + FIXED_TTL_S
        return self._unpacked(entry)

    def __contains__(self, key: tuple[str, Voice]) -> bool:
        entry = self._kept.get(key_of(*key))
        return entry is not None and entry.until > self.clock.now()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def texts(self) -> list[str]:
        """What is kept, what was not used for longest first."""
        return [entry.text for entry in self._kept.values()]

    def entries(self) -> Iterator[Kept]:
        """What is kept, what was not used for longest first."""
        return iter(self._kept.values())

    def put(
        self,
        text: str,
        voice: Voice,
        audio: bytes,
        *,
        kind: Kind = "static",
        made_ms: float = 0.0,
        ahead: bool = False,
    ) -> None:
        """Keep the audio of a text."""
        key, now = key_of(text, voice), self.clock.now()
        self._drop(key)
        packed = zlib.compress(audio, PACKING_LEVEL) if self.packed else audio
        until = now + (FIXED_TTL_S if kind == "static" else self.ttl_s)
        guessed = ahead and kind == "templated"
        self._kept[key] = Kept(text, kind, packed, duration_ms(audio), made_ms, guessed, until)
        self.size_bytes += len(packed)
        self.figures.ahead_made += guessed
        while self.size_bytes > self.max_bytes or len(self._kept) > self.max_entries:
            self._drop(self._least_wanted(), "evicted")

    def peek(self, text: str, voice: Voice) -> tuple[bytes, float] | None:
        """Audio and for how many seconds it is good, counting nothing; None where it is not here."""
        entry = self._kept.get(key_of(text, voice))
        left_s = entry.until - self.clock.now() if entry else 0.0
        return (self._unpacked(entry), left_s) if entry and left_s > 0 else None

    def renew(self, text: str, voice: Voice) -> bool:
        """Fixed words that are still wanted stay; says whether they are here."""
        entry = self._living(key_of(text, voice))
        if entry is not None and entry.kind == "static":
            entry.until = self.clock.now() + FIXED_TTL_S
        return entry is not None

    def pin(self, text: str, voice: Voice) -> None:
        """It is needed at once when it is needed: it stays for as long as its time, if it is here."""
        if entry := self._kept.get(key_of(text, voice)):
            entry.pinned = True

    def note(self, text: str, voice: Voice, why: str) -> None:
        """Remember why something is not here, in case that it is asked for."""
        self._remember(key_of(text, voice), why)

    def why_missing(self, text: str, voice: Voice) -> str:
        """The reason, as far as it is known."""
        return self._notes.get(key_of(text, voice), "not foreseen")

    @property
    def hit_rate(self) -> float | None:
        """Share of texts that were there already, None before the first was asked for."""
        return self.figures.hit_rate

    def _least_wanted(self) -> str:
        return next((key for key, entry in self._kept.items() if not entry.pinned), next(iter(self._kept)))

    def _unpacked(self, entry: Kept) -> bytes:
        return zlib.decompress(entry.audio) if self.packed else entry.audio

    def _living(self, key: str) -> Kept | None:
        entry = self._kept.get(key)
        if entry is not None and entry.until <= self.clock.now():
            self._drop(key, "expired")
            return None
        if entry is not None:
            self._kept.move_to_end(key)
        return entry

    def sweep(self) -> None:
        """Let go of all whose time is over."""
        now = self.clock.now()
        for key in [key for key, entry in self._kept.items() if entry.until <= now]:
            self._drop(key, "expired")

    def _drop(self, key: str, why: Why | None = None) -> None:
        entry = self._kept.pop(key, None)
        if entry is None:
            return
        self.size_bytes -= len(entry.audio)
        if entry.ahead:
            self.figures.wasted(entry.made_ms, len(entry.text))
        if why:
            self._remember(key, why)

    def _remember(self, key: str, why: str) -> None:
        self._notes[key] = why
        self._notes.move_to_end(key)
        if len(self._notes) > NOTES_KEPT:
            self._notes.popitem(last=False)

"""The carrier's buffer of what the agent said: first in, first out, in real time, without bound.

Source: Twilio, "Media Streams: WebSocket messages". A run of audio starts the moment its first byte arrives
at an empty buffer; each byte after it plays 1/8 ms later. A mark is a position in the buffer, due when it
has been played, at once when nothing is buffered. `clear` empties the buffer and makes every mark due.
Times are monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

BYTES_PER_SECOND = 8000
ROUNDING_S = 1e-6


@dataclass(slots=True)
class CarrierPlayout:
    """What is still to be played, and where the marks stand in it."""

    ends_at: float = float("-inf")
    _audio: deque[tuple[float, bytes]] = field(default_factory=deque)
    _marks: deque[tuple[float, str]] = field(default_factory=deque)

    def feed(self, audio: bytes, now: float) -> float:
        """Append audio; returns when its first byte plays."""
        begins_at = max(now, self.ends_at)
        if audio:
            self._audio.append((begins_at, audio))
            self.ends_at = begins_at + len(audio) / BYTES_PER_SECOND
        return begins_at

    def mark(self, name: str, now: float) -> None:
        """Set a mark behind all audio fed so far."""
        self._marks.append((max(now, self.ends_at), name))

    def clear(self, now: float) -> list[tuple[float, bytes]]:
        """Forget what was not played and make all marks due; returns what `played` had yet to tell."""
        played = self.played(now)
        self._audio.clear()
        self._marks = deque((now, name) for _, name in self._marks)
        self.ends_at = min(self.ends_at, now)
        return played

    def played(self, now: float) -> list[tuple[float, bytes]]:
        """Audio that was played since the last time, each piece with when it began."""
        pieces: list[tuple[float, bytes]] = []
        while self._audio and self._audio[0][0] < now:
            began_at, audio = self._audio.popleft()
            count = round((now - began_at) * BYTES_PER_SECOND)
            pieces.append((began_at, audio[:count]))
            if count < len(audio):
                self._audio.appendleft((began_at + count / BYTES_PER_SECOND, audio[count:]))
                break
        return [piece for piece in pieces if piece[1]]

    def due_marks(self, now: float) -> list[str]:
        """Names of the marks reached by `now`, in order, each told once."""
        names: list[str] = []
        while self._marks and self._marks[0][0] <= now + ROUNDING_S:
            names.append(self._marks.popleft()[1])
        return names

    def __repr__(self) -> str:
        return f"CarrierPlayout({len(self._audio)} pieces, {len(self._marks)} marks)"

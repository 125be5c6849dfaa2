"""One direction of a call on the time line: μ-law audio, silence where nothing was put."""

from __future__ import annotations

from app.audio.g711 import SILENCE

SAMPLES_PER_SECOND = 8000


class Track:
    """Audio from `began_at` (monotonic seconds) on. With `keep_s`, only that much of the end is kept."""

    def __init__(self, began_at: float, keep_s: float | None = None) -> None:
        self.began_at = began_at
        self._keep = None if keep_s is None else round(keep_s * SAMPLES_PER_SECOND)
        self._first = 0
        self._audio = bytearray()

    def put(self, at: float, audio: bytes) -> None:
        """Lay audio down at a moment. What is laid down already stays: rounding must not overwrite a sample."""
        gap = self._index(at) - self._end
        if gap > 0:
            self._audio += SILENCE * gap
        self._audio += audio
        if self._keep is not None and len(self._audio) > 2 * self._keep:
            surplus = len(self._audio) - self._keep
            del self._audio[:surplus]
            self._first += surplus

    def cut(self, begins_at: float, count: int) -> bytes:
        """`count` samples from a moment on; silence where there is nothing (yet, or any more)."""
        begin = self._index(begins_at)
        before = min(count, max(0, self._first - begin))
        start = begin - self._first + before
        found = bytes(self._audio[max(0, start) : max(0, start + count - before)])
        return SILENCE * before + found + SILENCE * (count - before - len(found))

    def between(self, begins_at: float, ends_at: float) -> bytes:
        """Audio of a span of time."""
        return self.cut(begins_at, max(0, self._index(ends_at) - self._index(begins_at)))

    @property
    def seconds(self) -> float:
        """From its beginning to the end of the last audio."""
        return self._end / SAMPLES_PER_SECOND

    @property
    def _end(self) -> int:
        return self._first + len(self._audio)

    def _index(self, at: float) -> int:
        return round((at - self.began_at) * SAMPLES_PER_SECOND)

    def __repr__(self) -> str:
        return f"Track({self.seconds:.1f} s)"

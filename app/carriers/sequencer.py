"""Puts a carrier's audio frames back in order and fills the holes, so that stream time goes on.

The frame that is due passes at once. One that comes early waits for those before it until more than 60 ms of audio
wait; then what is missing is lost and made up: the last frame fading (6 dB a frame, twice), then silence. One that
comes twice, or after its place was filled, is dropped. A number further than 50 away in either direction is no loss
and no duplicate but a counter that wrapped or began anew: it is taken as it is, and nothing is made up.
"""

from __future__ import annotations

import audioop
from collections import Counter
from collections.abc import Sequence

from app.carriers.base import Counted
from app.carriers.events import AudioReceived

BYTES_PER_MS = 8
REORDER_BYTES = 60 * BYTES_PER_MS
CONCEALED_BYTES = 1000 * BYTES_PER_MS
FAR_FRAMES = 50
FADED_FRAMES = 2

_BEFORE_ALL = -FAR_FRAMES - 1
_SILENCE = b"\xff"
_HALVED = audioop.lin2ulaw(audioop.mul(audioop.ulaw2lin(bytes(range(256)), 2), 2, 0.5), 2)


class Sequencer:
    """One stream's frames by number. Adds to `counts` what it repaired."""

    def __init__(self, counts: Counter[Counted]) -> None:
        self._counts = counts
        self._expected = _BEFORE_ALL
        self._early: dict[int, AudioReceived] = {}
        self._last = AudioReceived(b"", 0)

    def arrived(self, number: int, frame: AudioReceived) -> Sequence[AudioReceived]:
        """What may be heard now that frame `number` (from 0, payload not empty) is there, in order."""
        if number == self._expected and not self._early:
            self._expected = number + 1
            self._last = frame
            return (frame,)
        if abs(number - self._expected) > FAR_FRAMES:
            return self._restart(number, frame)
        if number < self._expected or number in self._early:
            self._counts[Counted.DUPLICATE_AUDIO] += 1
            return ()
        return self._out_of_turn(number, frame)

    def flush(self) -> list[AudioReceived]:
        """Everything that still waits; what is missing in between is made up."""
        released: list[AudioReceived] = []
        while self._early:
            released += self._give_up()
        return released

    @property
    def next_timestamp_ms(self) -> int:
        """Where the last frame ended."""
        return self._last.timestamp_ms + len(self._last.payload) // BYTES_PER_MS

    def _out_of_turn(self, number: int, frame: AudioReceived) -> list[AudioReceived]:
        self._early[number] = frame
        if number == self._expected:
            self._counts[Counted.REORDERED_AUDIO] += 1
        released = self._in_turn()
        while sum(len(early.payload) for early in self._early.values()) > REORDER_BYTES:
            released += self._give_up()
        return released

    def _in_turn(self) -> list[AudioReceived]:
        released: list[AudioReceived] = []
        while self._expected in self._early:
            self._last = self._early.pop(self._expected)
            self._expected += 1
            released.append(self._last)
        return released

    def _give_up(self) -> list[AudioReceived]:
        first = min(self._early)
        concealed = self._conceal(first - self._expected)
        self._expected = first
        return concealed + self._in_turn()

    def _conceal(self, lost: int) -> list[AudioReceived]:
        self._counts[Counted.LOST_AUDIO] += lost
        size = len(self._last.payload)
        made_up: list[AudioReceived] = []
        for position in range(min(lost, CONCEALED_BYTES // size)):
            faded = self._last.payload.translate(_HALVED) if position < FADED_FRAMES else _SILENCE * size
            self._last = AudioReceived(faded, self.next_timestamp_ms, concealed=True)
            made_up.append(self._last)
        return made_up

    def _restart(self, number: int, frame: AudioReceived) -> list[AudioReceived]:
        released = self.flush()
        if self._expected != _BEFORE_ALL:
            self._counts[Counted.SEQUENCE_RESTART] += 1
        self._expected = number + 1
        self._last = frame
        return [*released, frame]

    def __repr__(self) -> str:
        return f"Sequencer(expected={self._expected}, early={sorted(self._early)})"

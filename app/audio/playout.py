"""What the carrier still has to play, as far as we can know it; free of sockets and timers.

A carrier plays what we send in order and in real time, buffers without bound, and tells where it is only by
echoing marks. So three positions are kept, in milliseconds of agent audio since the stream began:

    heard  <=  sent  <=  fed        and sent runs at most `AHEAD_MS` before the ear

Of what was heard only that is `proven` which a mark has come back for.

Feed audio of any length; `next_due` hands out what may go now, in as few pieces as may be, since a message costs what
it does whatever is in it. Only whole frames of 20 ms leave until the utterance is ended, so chunks join without a gap
or a click; then the last frame is filled up with silence. `clear` forgets what was not heard; marks of before it come
back too and are told by their generation.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from app.audio.g711 import BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SILENCE, faded_out
from app.carriers.events import OutboundCommand, PlayAudio, SendMark

AHEAD_MS = 400.0
WARY_AHEAD_MS = 200.0
BRIEF_AHEAD_MS = 80.0
PIECE_MS = 100.0  # of longer ones the memory of a process that has many calls grows ragged
MARK_EVERY_MS = 200.0
MARK_OVERDUE_S = 1.0
GAP_MS = 60.0  # nobody hears a shorter one
ROUNDING_MS = 0.01
EARLY_MS = 2.0  # timers may fire this much before their time


@dataclass(slots=True)
class Playout:
    """The far end's buffer. `now` is monotonic seconds, everything else milliseconds of audio.

    While `wary` (an interruption is in the air) it sends less far ahead, so that less has to be cleared; while `brief`,
    so little that what follows need not wait for longer than 100 ms when it is `cut_short`.
    """

    sent_ms: float = 0.0
    wary: bool = False
    brief: bool = False
    proven_ms: float = 0.0
    _queue: bytearray = field(default_factory=bytearray)
    _ends: deque[float] = field(default_factory=deque)
    _ended: bool = True
    _begins: bool = True
    _gap_ms: float = 0.0
    _generation: int = 0
    _marks: deque[tuple[str, float]] = field(default_factory=deque)
    _marked_ms: float = 0.0
    _burst_until_ms: float = 0.0
    _run_started: float = 0.0
    _run_from_ms: float = 0.0
    _delay_s: float = 0.0

    def feed(self, audio: bytes) -> None:
        """Append μ-law audio to the utterance being spoken."""
        self._begins = self._begins or (self._ended and not self._queue)
        self._queue += audio
        self._ended = False

    def end_utterance(self) -> None:
        """What is left may go, filled up to a whole frame, with a mark behind it."""
        self._queue += SILENCE * (-len(self._queue) % FRAME_BYTES)
        self._ends.append(self.sent_ms + self.waiting_ms)
        self._ended = True

    def cut_short(self) -> None:
        """Of what has not been sent, only a frame that fades out goes."""
        self._queue = bytearray(faded_out(bytes(self._queue[:FRAME_BYTES])))
        self._ends.clear()
        self.end_utterance()

    @property
    def waiting_ms(self) -> float:
        """Audio fed and not sent."""
        return len(self._queue) / BYTES_PER_MS

    @property
    def _limit_ms(self) -> float:
        if self.brief:
            return BRIEF_AHEAD_MS
        return WARY_AHEAD_MS if self.wary else AHEAD_MS

    @property
    def _burst_ms(self) -> float:
        """How much room there must be for anything to go: crumbs cost what bursts do."""
        return self._limit_ms / 2

    def ahead_ms(self, now: float) -> float:
        """Audio sent and not yet played, by the clock."""
        return self.sent_ms - self._clock_ms(now)

    def next_due(self, now: float) -> OutboundCommand | None:
        """The next that may be sent at `now`; it counts as sent. None: nothing may."""
        unmarked_ms = self.sent_ms - self._marked_ms
        if self._passes_an_end() and unmarked_ms > 0:
            return self._next_mark()
        # within an utterance only where there is more to send: the last thing sent before a stall is no mark
        if unmarked_ms >= MARK_EVERY_MS - ROUNDING_MS and len(self._queue) >= FRAME_BYTES:
            return self._next_mark()
        frames = self._frames_due(now)
        return self._next_audio(frames, now) if frames else None

    def _frames_due(self, now: float) -> int:
        """How many may go in one piece; none until there is room for a burst of them."""
        free_ms = self._limit_ms - self.ahead_ms(now) + EARLY_MS
        if free_ms >= self._burst_ms:
            self._burst_until_ms = self.sent_ms + free_ms
        end_ms = self._ends[0] if self._ends else math.inf
        until_ms = min(self._burst_until_ms, self._marked_ms + MARK_EVERY_MS, end_ms)
        room_ms = min(PIECE_MS, free_ms, until_ms - self.sent_ms, self.waiting_ms)
        return max(0, int((room_ms + ROUNDING_MS) // FRAME_MS))

    def _passes_an_end(self) -> bool:
        """Whether an utterance's last frame has been sent, for the first time that it is asked."""
        passes = False
        while self._ends and self._ends[0] <= self.sent_ms + ROUNDING_MS:
            self._ends.popleft()
            passes = True
        return passes

    def gap_ms(self) -> float:
        """How long the far end had nothing to play inside an utterance, told once; 0 where nobody heard it."""
        gap_ms, self._gap_ms = self._gap_ms, 0.0
        return gap_ms if gap_ms > GAP_MS else 0.0

    def due_at(self, now: float) -> float | None:
        """When `next_due` will have something again, None while there is nothing to send."""
        if len(self._queue) < FRAME_BYTES:
            return None
        return now + max(0.0, self.ahead_ms(now) - self._limit_ms + self._burst_ms) / 1000

    def reached(self, mark: str, now: float) -> None:
        """A mark came back. Those of before a `clear` prove nothing and are ignored."""
        if not any(name == mark for name, _ in self._marks):
            return
        while self._marks:
            name, position = self._marks.popleft()
            if name == mark:
                break
        self.proven_ms = position
        late_s = now - self.played_at(position)
        self._delay_s = max(0.0, late_s / 2)

    def heard_ms(self, now: float) -> float:
        """How much the caller has heard: never less than the last mark proves, never more than was sent."""
        return max(self.proven_ms, min(self._clock_ms(now - self._delay_s), self.sent_ms))

    def finished(self, now: float) -> bool:
        """Everything fed was sent and heard. A mark that does not come back is given up after a second."""
        if self._queue or not self._ended:
            return False
        return self.proven_ms >= self.sent_ms or now >= self.gives_up_at

    @property
    def gives_up_at(self) -> float:
        """When all that was sent counts as heard although its mark has not come back."""
        return self.played_at(self.sent_ms) + MARK_OVERDUE_S

    def played_at(self, position_ms: float) -> float:
        """When the clock reaches a position, in monotonic seconds."""
        return self._run_started + (position_ms - self._run_from_ms) / 1000

    def clear(self, now: float) -> float:
        """Throw away what was not heard; returns how much was. The carrier must be told by `ClearAudio`."""
        heard = self.heard_ms(now)
        self._generation += 1
        self._queue.clear()
        self._marks.clear()
        self._ends.clear()
        self._ended = True
        self._gap_ms = 0.0
        self.sent_ms = self._marked_ms = self.proven_ms = self._run_from_ms = heard
        self._run_started = now
        return heard

    def _next_audio(self, frames: int, now: float) -> PlayAudio:
        if self.ahead_ms(now) <= 0:
            self._gap_ms = 0.0 if self._begins else (now - self.played_at(self.sent_ms)) * 1000
            self._run_started, self._run_from_ms = now, self.sent_ms
        self._begins = False
        size = frames * FRAME_BYTES
        payload = bytes(self._queue[:size])
        del self._queue[:size]
        self.sent_ms += frames * FRAME_MS
        return PlayAudio(payload)

    def _next_mark(self) -> SendMark:
        self._marked_ms = self.sent_ms
        name = f"{self._generation}.{self.sent_ms:.0f}"
        self._marks.append((name, self.sent_ms))
        return SendMark(name)

    def _clock_ms(self, now: float) -> float:
        played = self._run_from_ms + max(0.0, now - self._run_started) * 1000
        return min(played, self.sent_ms)

    def __repr__(self) -> str:
        return f"Playout(sent={self.sent_ms:.0f} ms, waiting={self.waiting_ms:.0f} ms)"

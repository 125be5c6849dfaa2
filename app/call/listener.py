"""The ear of a call: caller audio in, edges of speech out.

Time in here is stream time (milliseconds of caller audio since the stream began). It is tied to the monotonic clock
by the earliest that any frame came after its own end, so jitter on the way does not move t0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from app.audio import g711
from app.audio.activity import WINDOW_MS, Edge, VoiceActivity
from app.audio.echo import EchoGate
from app.audio.loudness import Loudness
from app.call.tasks import Tasks
from app.clock import Clock
from providers.base import TranscriptionStream, VoiceDetector, VoiceWindow

FRAMES_JUDGED = 100
BEFORE_TURN_MS = 400.0
REMEMBERED_BYTES = 8000 * g711.BYTES_PER_MS
# what is too old is forgotten a second at a time
KEPT_MOST_BYTES = REMEMBERED_BYTES + 1000 * g711.BYTES_PER_MS


class ListenerReports(Protocol):
    """What a listener tells."""

    def edge(self, edge: Edge) -> None:
        """Speech begins, pauses, or goes on."""
        ...

    def listened(self) -> None:
        """One more window was heard."""
        ...

    @property
    def decides(self) -> bool:
        """Whether something may be decided once the next window is heard."""
        ...


class Listener:
    """Hears speech begin and pause. What goes wrong when a window was judged is a defect of `tasks`."""

    def __init__(
        self,
        clock: Clock,
        detector: VoiceDetector,
        transcription: TranscriptionStream,
        echo: EchoGate,
        reports: ListenerReports,
        tasks: Tasks,
    ) -> None:
        self._clock = clock
        self._transcription = transcription
        self._echo = echo
        self._reports = reports
        self._loudness = Loudness()
        self._masked: deque[tuple[float, bool]] = deque(maxlen=FRAMES_JUDGED)
        self._masked_until_ms = 0.0
        self._recent = bytearray()
        self._stream_ms = 0.0
        self._turn_began_ms = 0.0
        self._stream_began = clock.now()
        self.activity = VoiceActivity()
        self.window_waited_ms = 0.0
        self.last_audio_at = clock.now()
        self._voice = detector.open(tasks.guarded(self._windows), self._awaited)

    def hear(self, audio: bytes) -> None:
        """Take in caller audio, in order and without gaps."""
        self.last_audio_at = now = self._clock.now()
        self._stream_ms = end_ms = self._stream_ms + len(audio) / g711.BYTES_PER_MS
        self._stream_began = min(self._stream_began, now - end_ms / 1000)
        level = g711.rms(audio)
        echo = self._echo.masks(now, level)
        if echo:
            self._masked_until_ms = end_ms
        if echo or self._masked:
            self._masked.append((end_ms, echo))
        self._loudness.frame(level, end_ms)
        self._recent += audio
        if len(self._recent) > KEPT_MOST_BYTES:
            del self._recent[:-REMEMBERED_BYTES]
        self._transcription.push(audio)
        self._voice.push(audio)

    @property
    def speech_ended_at(self) -> float:
        """t0 as it can be known live: the monotonic time at which the caller's speech ended."""
        return self._stream_began + self.activity.ended_ms / 1000

    @property
    def silence_ms(self) -> float:
        """How much audio has come since the caller's speech ended."""
        return self._stream_ms - self.activity.ended_ms

    @property
    def turn_audio(self) -> bytes:
        """The caller's turn so far and a little before it, eight seconds at most, for who listens to intonation."""
        length_ms = round(self._stream_ms - self._turn_began_ms + BEFORE_TURN_MS)
        return bytes(self._recent[-min(length_ms * g711.BYTES_PER_MS, REMEMBERED_BYTES) :])

    def turn_started(self) -> None:
        """A turn begins with the speech that has just begun: what was said before belongs to others."""
        self._turn_began_ms = self.activity.onset_ms

    def utterance_started(self) -> None:
        """Levels are measured against the loudest of what begins now, and its voice is counted anew."""
        self._loudness.utterance_started()
        self.activity.utterance_started()

    def close(self) -> None:
        """Nothing is called after this."""
        self._voice.close()
        self._recent.clear()

    def _windows(self, windows: Sequence[VoiceWindow]) -> None:
        for window in windows:
            self.window_waited_ms = window.waited_ms
            echo = self._masked and self._is_echo(window.end_ms)
            probability = 0.0 if echo else window.probability
            edge = self.activity.window(probability, window.end_ms, self._loudness.loud_until_ms)
            if edge:
                self._reports.edge(edge)
            self._reports.listened()
        self.window_waited_ms = 0.0

    def _awaited(self) -> bool:
        return self.activity.unsettled or self._reports.decides

    def _is_echo(self, window_end_ms: float) -> bool:
        """Whether every frame that reaches into a window may be nothing but echo."""
        masked, began_ms = self._masked, window_end_ms - WINDOW_MS
        while masked and masked[0][0] <= began_ms:
            masked.popleft()
        if self._masked_until_ms <= began_ms:
            return False
        judged = False
        for end_ms, echo in masked:
            if end_ms - g711.FRAME_MS >= window_end_ms:
                break
            if not echo:
                return False
            judged = True
        return judged

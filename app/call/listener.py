"""The ear of a call: caller audio in, edges of speech out.

Time in here is stream time (milliseconds of caller audio since the stream began). It is tied to the monotonic clock
by the earliest that any frame came after its own end, so jitter on the way does not move t0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from app.audio import g711
from app.audio.activity import Edge, VoiceActivity
from app.audio.echo import EchoGate
from app.clock import Clock
from app.dialogue.turn import Turn, TurnEvent, TurnState
from providers.base import TranscriptionStream, VoiceDetector, VoiceWindow

SILENCE_MS = 500.0
INTERRUPTION_MS = 250.0
WINDOW_MS = 32.0
FRAMES_JUDGED = 100


class Listener:
    """Reports ONSET, LULL, ENDPOINT and INTERRUPTED to `happened`, and hands audio on to the transcriber.

    `may_interrupt` says whether what is being said now gives way to speech.
    """

    def __init__(
        self,
        clock: Clock,
        turn: Turn,
        detector: VoiceDetector,
        transcription: TranscriptionStream,
        echo: EchoGate,
        happened: Callable[[TurnEvent], None],
        may_interrupt: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._turn = turn
        self._transcription = transcription
        self._echo = echo
        self._happened = happened
        self._may_interrupt = may_interrupt
        self._activity = VoiceActivity()
        self._masked: deque[tuple[float, bool]] = deque(maxlen=FRAMES_JUDGED)
        self._stream_ms = 0.0
        self._stream_began = clock.now()
        self.voiced_ms = 0.0
        self.window_waited_ms = 0.0
        self.last_audio_at = clock.now()
        self._voice = detector.open(self._windows)

    def hear(self, audio: bytes) -> None:
        """Take in caller audio, in order and without gaps."""
        now = self._clock.now()
        self.last_audio_at = now
        self._stream_ms += g711.duration_ms(audio)
        self._stream_began = min(self._stream_began, now - self._stream_ms / 1000)
        if self._echo.active(now):
            self._masked.append((self._stream_ms, self._echo.masks(now, g711.rms(audio))))
        self._transcription.push(audio)
        self._voice.push(audio)

    @property
    def speech_ended_at(self) -> float:
        """t0 as it can be known live: the monotonic time at which the last voiced window ended."""
        return self._stream_began + self._activity.last_voiced_ms / 1000

    def close(self) -> None:
        """No event comes after this."""
        self._voice.close()

    def _windows(self, windows: Sequence[VoiceWindow]) -> None:
        for window in windows:
            self.window_waited_ms = window.waited_ms
            echo = self._masked and self._is_echo(window.end_ms)
            self._window(0.0 if echo else window.probability, window.end_ms)

    def _window(self, probability: float, end_ms: float) -> None:
        edge = self._activity.window(probability, end_ms, WINDOW_MS)
        if edge is Edge.ONSET:
            self.voiced_ms = end_ms - self._activity.onset_ms
            self._happened(TurnEvent.ONSET)
        elif edge is Edge.LULL:
            self._happened(TurnEvent.LULL)
        elif self._activity.last_voiced_ms == end_ms:
            self.voiced_ms += WINDOW_MS
        state = self._turn.state
        if state is TurnState.LULL and end_ms - self._activity.last_voiced_ms >= SILENCE_MS:
            self._happened(TurnEvent.ENDPOINT)
        elif state is TurnState.OVERLAP and self.voiced_ms >= INTERRUPTION_MS and self._may_interrupt():
            self._happened(TurnEvent.INTERRUPTED)

    def _is_echo(self, window_end_ms: float) -> bool:
        while self._masked and self._masked[0][0] <= window_end_ms - WINDOW_MS:
            self._masked.popleft()
        judged = [masked for end_ms, masked in self._masked if end_ms - g711.FRAME_MS < window_end_ms]
        return bool(judged) and all(judged)

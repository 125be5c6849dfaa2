"""One utterance on its way to text: what is decoded when, what of it still holds, and where a long one is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from providers.dsp import BYTES_PER_MS, frame_levels
from providers.local_decoders import NOTHING, Decoder, Decoding
from providers.local_workers import InferenceWorkers

FRAME_BYTES = 20 * BYTES_PER_MS
QUIET_FRAMES = 8
PAUSE_FRAMES = 3
REMEMBERED_BYTES = 2000 * BYTES_PER_MS
LONGEST_MS = 60_000.0


class _Stretch:
    """A part of an utterance that is decoded in one go, and the best decode of it so far."""

    def __init__(self, began_ms: float, audio: bytes | bytearray = b"", latest: Decoding = NOTHING) -> None:
        self.began_ms = began_ms
        self.audio = bytearray(audio)
        self.latest = latest
        self.latest_bytes = 0

    @property
    def end_ms(self) -> float:
        return self.began_ms + len(self.audio) / BYTES_PER_MS


class Utterance:
    """One utterance on its way to text. `report` gets the text so far and the milliseconds of audio it covers."""

    def __init__(
        self, workers: InferenceWorkers, decoder: Decoder, report: Callable[[Decoding, float], None]
    ) -> None:
        self._workers = workers
        self._decoder = decoder
        self._report = report
        self._stretches = [_Stretch(0.0)]
        self._cut_off: list[Future[Decoding]] = []
        self._asked_bytes = 0
        self._partial: Future[Decoding] | None = None
        self._at_pause: Future[Decoding] | None = None
        self._pause_bytes = 0
        self._pausing = False
        self._over = False

    @property
    def audio_ms(self) -> float:
        """How long it is by now."""
        return self._now.end_ms

    @property
    def audio(self) -> bytes:
        """All of it so far, of a long one the last minute."""
        return b"".join(bytes(stretch.audio) for stretch in self._stretches)

    @property
    def _now(self) -> _Stretch:
        return self._stretches[-1]

    def push(self, audio: bytes) -> None:
        self._now.audio += audio
        if self.audio_ms - self._now.began_ms >= self._decoder.longest_ms:
            self._cut()
        every_ms = self._decoder.partial_every_ms
        fresh_ms = (len(self._now.audio) - self._asked_bytes) / BYTES_PER_MS
        if every_ms and fresh_ms >= every_ms:
            self._asked_bytes = len(self._now.audio)
            self._ask_for_partial()

    def paused(self) -> None:
        """Decode all there is, in case that is all."""
        self._decode_all()
        self._pausing = True

    def _decode_all(self) -> None:
        self.resumed()
        self._forget_waiting()
        self._pause_bytes = len(self._now.audio)
        self._at_pause = self._decode(self._now, urgent=True)

    def resumed(self) -> None:
        """What was decoded at the pause was not all."""
        self._pausing = False
        if self._at_pause:
            self._at_pause.cancel()
        self._at_pause = None

    async def so_far(self) -> Decoding:
        """The text up to the last pause, or to now when there was none. Raises ProviderError.

        When speech goes on meanwhile, what is known by then.
        """
        if not self._pausing:
            self._decode_all()
        elif not self._at_pause or _failed(self._at_pause) or self._spoke_since_pause():
            self.paused()
        decodes = [asyncio.wrap_future(future) for future in [*self._cut_off, self._at_pause] if future]
        await asyncio.wait(decodes)
        if any(decode.cancelled() for decode in decodes):
            return _joined([stretch.latest for stretch in self._stretches])
        return _joined([decode.result() for decode in decodes])

    async def final(self) -> Decoding:
        """The whole text. Raises ProviderError."""
        self._over = True
        if self._at_pause and (_failed(self._at_pause) or self._spoke_since_pause()):
            self.resumed()
        self._forget_waiting()
        self._at_pause = self._at_pause or self._decode(self._now, urgent=True)
        return _joined([await asyncio.wrap_future(future) for future in [*self._cut_off, self._at_pause]])

    def cancel(self) -> None:
        """Report nothing more, and begin no more work."""
        self._over = True
        for future in [*self._cut_off, self._partial, self._at_pause]:
            if future:
                future.cancel()

    def _cut(self) -> None:
        """Begin a new stretch where the second half of this one is quietest."""
        self.resumed()
        self._forget_waiting()
        whole = self._stretches.pop()
        half = len(whole.audio) // 2
        at = half + _quietest(bytes(whole.audio[half:]))
        first = _Stretch(whole.began_ms, whole.audio[:at], whole.latest)
        self._stretches += [first, _Stretch(first.end_ms, whole.audio[at:])]
        self._cut_off.append(self._decode(first, urgent=True))
        self._asked_bytes = 0
        while self.audio_ms - self._stretches[0].began_ms > LONGEST_MS:  # music, not somebody who speaks
            del self._stretches[0]
            self._cut_off.pop(0).cancel()

    def _ask_for_partial(self) -> None:
        if not self._at_pause or self._spoke_since_pause():
            self.resumed()
            self._forget_waiting()
            self._partial = self._decode(self._now, urgent=False)

    def _forget_waiting(self) -> None:
        if self._partial:
            self._partial.cancel()

    def _decode(self, stretch: _Stretch, *, urgent: bool) -> Future[Decoding]:
        audio = bytes(stretch.audio)
        future = self._workers.submit(
            lambda: self._decoder.decode(audio, stretch.latest.draft), urgent=urgent
        )
        asyncio.wrap_future(future).add_done_callback(lambda done: self._decoded(done, stretch, len(audio)))
        return future

    def _decoded(self, done: asyncio.Future[Decoding], stretch: _Stretch, length: int) -> None:
        if not done.cancelled() and not done.exception() and length > stretch.latest_bytes:
            stretch.latest, stretch.latest_bytes = done.result(), length
            self._report_progress(stretch.began_ms + length / BYTES_PER_MS)

    def _report_progress(self, covered_ms: float) -> None:
        so_far = _joined([stretch.latest for stretch in self._stretches])
        if so_far.text and not self._over:
            self._report(so_far, covered_ms)

    def _spoke_since_pause(self) -> bool:
        """Whether it grew loud again, by the speech before the pause and by the line's noise at its beginning."""
        before = frame_levels(bytes(self._now.audio[: self._pause_bytes][-REMEMBERED_BYTES:]))
        since = frame_levels(bytes(self._now.audio[self._pause_bytes :]))
        speech, noise = before.max(initial=0), before[-PAUSE_FRAMES:].max(initial=0)
        return bool(since.max(initial=0) > max(speech / 10, min(2 * noise, speech / 2)))


def _failed(future: Future[Decoding]) -> bool:
    return future.cancelled() or (future.done() and future.exception() is not None)


def _quietest(audio: bytes) -> int:
    """Where to cut: the middle of the quietest 160 ms, in bytes."""
    levels = np.convolve(frame_levels(audio), np.ones(QUIET_FRAMES), "valid")
    return (int(levels.argmin()) + QUIET_FRAMES // 2) * FRAME_BYTES


def _joined(parts: list[Decoding]) -> Decoding:
    spoken = [part for part in parts if part.text]
    if not spoken:
        return NOTHING
    length = sum(len(part.text) for part in spoken)
    confidence = sum(part.confidence * len(part.text) for part in spoken) / length
    return Decoding(" ".join(part.text for part in spoken), confidence)

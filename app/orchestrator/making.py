"""Making speech that is not there yet: once for all who want it, sentence by sentence, and kept for the next.

Whoever asks first has it made; who asks meanwhile hears the same audio as it comes. A task of its own makes it, as fast
as the hastiest of them wants it: one who stops, because its caller speaks, holds up nobody else. If the first leaves
early (its caller interrupted), those who follow make it anew and go on behind what they have passed on already.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from app.audio.g711 import BYTES_PER_MS, SILENCE
from app.errors import ProviderError, TimedOut
from app.orchestrator.cache_figures import Kind
from app.orchestrator.speech_cache import SpeechCache, key_of
from app.orchestrator.voices import OneVoice, speaks_itself
from app.orchestrator.within import within
from providers.base import Synthesizer, Voice
from providers.patience import patience

# a breath, as the embedded voices take it
BETWEEN_SENTENCES = SILENCE * 150 * BYTES_PER_MS
# Callers stop waiting for a chunk after 3 s, but what is made ahead on a busy machine may take longer. One that hangs
# must end, or all who want these words follow it for ever.
HANGS_S = 10.0


@dataclass(frozen=True, slots=True)
class Words:
    """What is to be said, in `pieces` that are kept one by one; `place` is where the flow says it.

    `kind` None: it is sensitive or a model's, and nothing of it is kept.
    """

    pieces: Sequence[str] = field(repr=False)
    voice: Voice
    kind: Kind | None
    place: str = ""


@dataclass(slots=True, eq=False)
class Making:
    """Speech in the making; `ahead`: nobody waited for it when it began.

    `complete` says whether all of it has come, once it has `ended`; `failure` why not.
    """

    text: str = field(repr=False)
    voice: Voice
    kind: Kind
    ahead: bool
    chunks: list[bytes] = field(default_factory=list)
    complete: bool = False
    failure: ProviderError | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> str:
        return key_of(self.text, self.voice)

    async def wanted(self) -> None:
        """Wait until somebody has heard all that has come."""
        await self._wanted.wait()
        self._wanted.clear()

    def add(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self._tell()

    def end(self) -> None:
        self.ended.set()
        self._tell()

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """What has come, and what comes, until it has ended."""
        heard = 0
        while True:
            more = self._more
            while heard < len(self.chunks):
                heard += 1
                yield self.chunks[heard - 1]
            if self.ended.is_set():
                return
            self._wanted.set()
            await more.wait()

    def _tell(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


def ready(cache: SpeechCache, words: Words) -> int:
    """How many of the first pieces can be said at once."""
    if words.kind is None:
        return 0
    missing = (at for at, piece in enumerate(words.pieces) if (piece, words.voice) not in cache)
    return next(missing, len(words.pieces))


def speech_at_hand(cache: SpeechCache, words: Words) -> bytes | None:
    """The speech of all pieces, with a breath between; None where some of it has to be made."""
    if words.kind is None or ready(cache, words) < len(words.pieces):
        return None
    pieces = [cache.get(piece, words.voice, words.kind) for piece in words.pieces]
    known = [piece for piece in pieces if piece is not None]
    # one may have grown too old since it was looked for
    return BETWEEN_SENTENCES.join(filter(None, known)) if len(known) == len(pieces) else None


async def speech(cache: SpeechCache, synthesizer: Synthesizer, words: Words) -> AsyncGenerator[bytes, None]:
    """The speech of all pieces, with a breath between. Raises ProviderError."""
    breath = b""
    for piece in words.pieces:
        async with aclosing(_piece(cache, synthesizer, piece, words)) as chunks:
            async for chunk in chunks:
                yield breath + chunk
                breath = b""
        breath = BETWEEN_SENTENCES


async def _piece(
    cache: SpeechCache, synthesizer: Synthesizer, text: str, words: Words
) -> AsyncGenerator[bytes, None]:
    if words.kind is None:
        async with aclosing(synthesizer.synthesize(text, words.voice)) as chunks:
            async for chunk in chunks:
                yield chunk
        return
    audio = cache.get(text, words.voice, words.kind)
    if audio is not None:
        if audio:
            yield audio
        return
    asked, first = cache.clock.now(), True
    async with aclosing(made(cache, synthesizer, text, words.voice, words.kind)) as chunks:
        async for chunk in chunks:
            if first:
                first, why = False, cache.why_missing(text, words.voice)
                cache.figures.waited(words.place, why, (cache.clock.now() - asked) * 1000)
            yield chunk


async def made(
    cache: SpeechCache, synthesizer: Synthesizer, text: str, voice: Voice, kind: Kind, *, ahead: bool = False
) -> AsyncGenerator[bytes, None]:
    """Speech that is not kept yet, by whoever is at it already, or else made now; kept when it is complete.

    `ahead`: nobody waits for it yet. Raises ProviderError.
    """
    key, passed_on = key_of(text, voice), 0
    while making := cache.makings.get(key):
        async with aclosing(_behind(passed_on, making.follow())) as chunks:
            async for chunk in chunks:
                passed_on += len(chunk)
                yield chunk
        if making.complete:
            return
    anew = _anew(cache, synthesizer, text, voice, kind, ahead=ahead)
    async with aclosing(_behind(passed_on, anew)) as chunks:
        async for chunk in chunks:
            yield chunk


async def _behind(passed_on: int, speech: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """What follows the first so many bytes."""
    async with aclosing(speech) as chunks:
        async for chunk in chunks:
            skipped = min(passed_on, len(chunk))
            passed_on -= skipped
            if chunk[skipped:]:
                yield chunk[skipped:]


async def _anew(
    cache: SpeechCache, synthesizer: Synthesizer, text: str, voice: Voice, kind: Kind, *, ahead: bool
) -> AsyncGenerator[bytes, None]:
    cache.makings[key_of(text, voice)] = making = Making(text, voice, kind, ahead)
    work = _make(making, cache, synthesizer)
    try:
        async with within(lambda group: group.create_task(work), lambda task: task.cancel()):
            async with aclosing(making.follow()) as chunks:
                async for chunk in chunks:
                    yield chunk
    finally:
        _over(cache, making)
    failure, making.failure = making.failure, None
    try:
        if failure:
            raise failure
    finally:
        del failure  # its traceback holds this frame


async def _make(making: Making, cache: SpeechCache, synthesizer: Synthesizer) -> None:
    """Chunk by chunk as they are wanted; kept when it is complete."""
    text, voice, clock, spent_s = making.text, making.voice, cache.clock, 0.0
    speaker = OneVoice.watch(synthesizer, voice)
    try:
        async with aclosing(speaker.synthesizer.synthesize(text, voice)) as chunks:
            while True:
                await making.wanted()
                asked = clock.now()
                chunk = await _next(chunks, synthesizer.name)
                spent_s += clock.now() - asked
                if chunk is None:
                    break
                if not making.chunks:
                    cache.figures.made(voice, spent_s * 1000)
                making.add(chunk)
        making.complete = True
        # another's voice stands in while the own is down: nobody wants to hear that for hours
        if speaker.kept:
            audio = b"".join(making.chunks)
            cache.put(text, voice, audio, kind=making.kind, made_ms=spent_s * 1000, ahead=making.ahead)
    except ProviderError as error:
        making.failure = error
    finally:
        _over(cache, making)


async def _next(chunks: AsyncGenerator[bytes, None], name: str) -> bytes | None:
    try:
        async with patience(HANGS_S):
            return await anext(chunks, None)
    except TimeoutError:
        raise TimedOut(f"{name} makes no speech within {HANGS_S:g} s") from None


def _over(cache: SpeechCache, making: Making) -> None:
    """Nothing more comes of it."""
    making.end()
    if cache.makings.get(making.key) is making:
        del cache.makings[making.key]


async def whole(
    cache: SpeechCache, synthesizer: Synthesizer, text: str, voice: Voice, kind: Kind, *, ahead: bool = False
) -> bytes:
    """All of `made` at once."""
    async with aclosing(made(cache, synthesizer, text, voice, kind, ahead=ahead)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def prepare(cache: SpeechCache, synthesizer: Synthesizer, text: str, voice: Voice, kind: Kind) -> None:
    """Make speech before anybody asks for it, if it is not there and would be kept. Raises ProviderError."""
    if (text, voice) not in cache and speaks_itself(synthesizer, voice):
        await whole(cache, synthesizer, text, voice, kind, ahead=True)

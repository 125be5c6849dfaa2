"""Speech to text by OpenAI's realtime transcription: `OpenAITranscriber`.

    push             the last 400 ms are kept; inside an utterance everything is sent, μ-law as it is
    paused           the audio so far is committed as an item, in case this was the end
    hypothesis       the items' words so far
    finish           all items' final texts; or what there is of them, once no more comes for `FINAL_S`

The service's own voice detection is off: turns are cut here, and it costs up to a second. The connection is made and
read by a task of the stream's own, so that nothing waits for it.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from websockets.exceptions import WebSocketException

from app.errors import BrokenStream, ProviderError, Refused, TimedOut
from providers.background import BackgroundTasks
from providers.base import Hypothesis
from providers.dsp import BYTES_PER_MS
from providers.openai_speech import LANGUAGES, NAME, event_error, speech_error
from providers.patience import patience

PRE_ROLL_BYTES = 400 * BYTES_PER_MS
UNSENT_BYTES_MAX = 15_000 * BYTES_PER_MS
SHORTEST_BYTES = 100 * BYTES_PER_MS  # the service refuses to commit less
CONNECT_S = 3.0
CATCH_UP_S = 0.4
FINAL_S = 0.08
FIRST_WORDS_S = 1.5
CLOSE_S = 0.5


@dataclass(slots=True, eq=False)
class _Item:
    """A committed stretch of an utterance."""

    size: int
    text: str = field(default="", repr=False)
    done: bool = False


@dataclass(slots=True, eq=False)
class _Utterance:
    items: list[_Item] = field(default_factory=list)
    uncommitted_bytes: int = 0
    paused: bool = False

    @property
    def text(self) -> str:
        return " ".join(item.text.strip() for item in self.items if item.text.strip())

    @property
    def done(self) -> bool:
        return all(item.done for item in self.items)


class OpenAITranscriber:
    """See `Transcriber`. `client` belongs to whoever made it."""

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        self._client = client
        self._model = model

    @property
    def name(self) -> str:
        return "openai"

    @property
    def languages(self) -> frozenset[str]:
        return LANGUAGES

    @property
    def partials(self) -> bool:
        return False

    async def open(
        self,
        language: str,
        *,
        on_partial: Callable[[Hypothesis], None],
        hints: Sequence[str] = (),
        candidates: Sequence[str] = (),
    ) -> OpenAIStream:
        if language.partition("-")[0] not in LANGUAGES:
            raise Refused(f"{NAME}: it is not used for the language {language!r}")
        transcription: dict[str, object] = {"model": self._model}
        named = list(dict.fromkeys(name.partition("-")[0] for name in (language, *candidates)))
        transcription |= {"languages": named} if candidates else {"language": named[0]}
        transcription |= {"keywords": list(hints)} if hints else {}
        return OpenAIStream(self._client, transcription, language, on_partial)

    @property
    def healthy(self) -> bool:
        return True

    async def warm_up(self) -> None:
        """Each call connects by itself."""

    async def aclose(self) -> None:
        """The client belongs to whoever made it, streams to their calls."""


class OpenAIStream:
    """See `TranscriptionStream`."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        transcription: dict[str, object],
        language: str,
        on_partial: Callable[[Hypothesis], None],
    ) -> None:
        self._client = client
        self._transcription = transcription
        self._language = language
        self._on_partial = on_partial
        self._pre_roll = bytearray()
        self._unsent: deque[dict[str, str]] = deque()
        self._unsent_bytes = 0
        self._utterance: _Utterance | None = None
        self._committed: deque[_Item] = deque()
        self._items: dict[str, _Item] = {}
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._failure: ProviderError | None = None
        self._tasks = BackgroundTasks()
        self._tasks.create_task(self._run())

    @property
    def failure(self) -> ProviderError | None:
        return self._failure

    def push(self, audio: bytes) -> None:
        if self._utterance:
            self._append(self._utterance, audio)
        else:
            self._pre_roll += audio
            del self._pre_roll[:-PRE_ROLL_BYTES]

    def utterance_started(self) -> None:
        if self._utterance:
            self._utterance.paused = False
            return
        self._utterance = _Utterance()
        self._append(self._utterance, bytes(self._pre_roll))
        self._pre_roll.clear()

    def utterance_paused(self) -> None:
        if self._utterance and not self._utterance.paused:
            self._commit(self._utterance)
            self._utterance.paused = True

    async def hypothesis(self) -> Hypothesis:
        utterance = self._utterance
        if not utterance:
            return self._hypothesis("", 0, final=False)
        self.utterance_paused()
        await self._until(lambda: utterance.done, CATCH_UP_S)
        return self._heard(utterance, final=False)

    async def finish(self) -> Hypothesis:
        utterance, self._utterance = self._utterance, None
        if not utterance:
            return self._hypothesis("", 0, final=True)
        if not utterance.paused:
            self._commit(utterance)
        await self._until(lambda: utterance.done, FINAL_S)
        if not utterance.text:
            await self._until(lambda: utterance.done or bool(utterance.text), FIRST_WORDS_S)
        text = None
        while not utterance.done and text != utterance.text:
            text = utterance.text
            await self._until(lambda: utterance.done, FINAL_S)
        if not utterance.done and not utterance.text:
            raise TimedOut(f"{NAME}: no words within {FIRST_WORDS_S:g} s")
        return self._heard(utterance, final=utterance.done)

    def discard(self) -> None:
        if self._utterance and self._utterance.uncommitted_bytes:
            self._send({"type": "input_audio_buffer.clear"})
        self._utterance = None

    async def aclose(self) -> None:
        self._utterance = None
        await self._tasks.aclose(CLOSE_S)

    def _append(self, utterance: _Utterance, audio: bytes) -> None:
        if self._failure or not audio:
            return
        utterance.uncommitted_bytes += len(audio)
        self._unsent_bytes += len(audio)
        self._send({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()})
        while self._unsent_bytes > UNSENT_BYTES_MAX:
            self._unsent_bytes -= len(base64.b64decode(self._unsent.popleft().get("audio", "")))

    def _commit(self, utterance: _Utterance) -> None:
        if utterance.uncommitted_bytes >= SHORTEST_BYTES:
            utterance.items.append(_Item(utterance.uncommitted_bytes))
            utterance.uncommitted_bytes = 0
            self._committed.append(utterance.items[-1])
            self._send({"type": "input_audio_buffer.commit"})

    def _send(self, event: dict[str, str]) -> None:
        self._unsent.append(event)
        self._wake.set()

    async def _until(self, enough: Callable[[], bool], seconds: float) -> None:
        """Wait until there is enough, at most so long. Raises the stream's failure."""
        with suppress(TimeoutError):
            async with patience(seconds):
                while not enough() and not self._failure:
                    self._changed.clear()
                    await self._changed.wait()
        if self._failure:
            raise self._failure

    def _heard(self, utterance: _Utterance, *, final: bool) -> Hypothesis:
        covered = sum(item.size for item in utterance.items if item.done)
        return self._hypothesis(utterance.text, covered, final=final)

    def _hypothesis(self, text: str, length: int, *, final: bool) -> Hypothesis:
        return Hypothesis(text, self._language, final, length / BYTES_PER_MS)

    # the connection

    async def _run(self) -> None:
        """Connect, send and read until it fails: a boundary of the stream's own, its error is `failure`."""
        manager = self._client.realtime.connect(extra_query={"intent": "transcription"})
        try:
            async with asyncio.timeout(CONNECT_S):
                connection = await manager.enter()
            try:
                await self._talk(connection)
            finally:
                await connection.close()
        except* (openai.OpenAIError, httpx2.HTTPError, WebSocketException, OSError, TimeoutError) as group:
            self._fail(speech_error(_first(group)))
        except* (ProviderError, ValueError, AttributeError) as group:
            self._fail(speech_error(_first(group)))

    async def _talk(self, connection: AsyncRealtimeConnection) -> None:
        session = {"type": "transcription", "audio": {"input": self._input()}}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(connection))
            await connection.send({"type": "session.update", "session": session})  # type: ignore[arg-type]
            while True:
                while self._unsent:
                    event = self._unsent.popleft()
                    self._unsent_bytes = max(0, self._unsent_bytes - len(event.get("audio", "")) * 3 // 4)
                    await connection.send(event)  # type: ignore[arg-type]
                self._wake.clear()
                await self._wake.wait()

    def _input(self) -> dict[str, object]:
        return {
            "format": {"type": "audio/pcmu"},
            "transcription": self._transcription,
            "turn_detection": None,
        }

    async def _read(self, connection: AsyncRealtimeConnection) -> None:
        while True:
            self._take(await connection.recv())

    def _take(self, event: RealtimeServerEvent) -> None:
        match event.type:
            case "input_audio_buffer.committed":
                if self._committed:
                    self._items[event.item_id] = self._committed.popleft()
            case "conversation.item.input_audio_transcription.delta":
                self._words(event.item_id, event.delta or "", done=False)
            case "conversation.item.input_audio_transcription.completed":
                self._words(event.item_id, event.transcript, done=True)
            case "conversation.item.input_audio_transcription.failed":
                raise BrokenStream(f"{NAME}: an item could not be transcribed")
            case "error":
                raise event_error(event.error.type, event.error.code or "")

    def _words(self, item_id: str, text: str, *, done: bool) -> None:
        item = self._items.get(item_id)
        if not item:
            return
        item.text, item.done = (text, True) if done else (item.text + text, False)
        if done:
            del self._items[item_id]
        self._changed.set()
        if self._utterance and item in self._utterance.items and self._utterance.text:
            self._on_partial(self._heard(self._utterance, final=False))

    def _fail(self, error: ProviderError) -> None:
        self._failure = error
        self._unsent.clear()
        self._changed.set()


def _first(error: BaseException) -> Exception:
    """What a task group wrapped up."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Exception)
    return error

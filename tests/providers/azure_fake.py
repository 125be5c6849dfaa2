"""Azure Speech on 127.0.0.1, faithful enough for the real SDK: recognition, synthesis, and their faults.

Recognition hears by loudness: each `word_ms` of loud audio is the next word of the phrase, `segment_ms` of silence
end it. Synthesis hums, a word at a time, and tells where the words lie.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from providers import dsp
from providers.scripted import hum
from tests.providers.loopback import Died, Fault

TICKS_PER_MS = 10_000
FRAME_BYTES = 20 * dsp.BYTES_PER_MS
LOUD = 0.02


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is understood of one phrase, and in which locale."""

    text: str
    locale: str = "en-US"


@dataclass
class AzureFake:
    """What it does, and what it saw. `fault` holds for every connection, `synthesis_fault` for every utterance.

    `drops` ends every recognition at its next audio. `faulted_at` is when something went wrong first.
    """

    phrases: list[Phrase] = field(default_factory=lambda: [Phrase("Hello there.")])
    word_ms: int = 200
    segment_ms: int = 300
    final_delay_s: float = 0.0
    chunk_gap_s: float = 0.0
    chunk_ms: int = 100
    fault: Fault | None = None
    synthesis_fault: Fault | None = None
    silent: bool = False
    drops: bool = False
    faulted_at: float | None = None
    empty: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    connections: int = 0
    connected: int = 0

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/stt/speech/universal/v2", self._recognise),
                WebSocketRoute("/tts/cognitiveservices/websocket/v1", self._synthesise),
            ]
        )

    async def _accept(self, socket: WebSocket, fault: Fault | None) -> bool:
        self.connections += 1
        self.requests.append({"path": "handshake", "key": socket.headers.get("ocp-apim-subscription-key")})
        if fault and fault.kind == "refused":
            await socket.send_denial_response(PlainTextResponse("no", fault.status))
            return False
        await socket.accept(subprotocol="USP")
        return True

    async def _recognise(self, socket: WebSocket) -> None:
        if not await self._accept(socket, self.fault):
            return
        self.connected += 1
        turn: _Turn | None = None
        try:
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                head, body = _parsed(message)
                if head["path"] != "audio":
                    self.requests.append({"path": head["path"], **json.loads(body or b"{}")})
                elif turn is None or turn.request != head["x-requestid"]:
                    turn = _Turn(self, _Answer(self, socket, head["x-requestid"], self.fault))
                    await turn.answer.send("turn.start", {"context": {"serviceTag": uuid.uuid4().hex}})
                elif self.drops:
                    self.faulted_at = time.monotonic()
                    await socket.close(1011)
                else:
                    await turn.hear(body)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.connected -= 1

    async def _synthesise(self, socket: WebSocket) -> None:
        if not await self._accept(socket, self.synthesis_fault):
            return
        self.connected += 1
        died = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read_synthesis(socket, group, died))
                group.create_task(_cancel_when(died, reading))
                await asyncio.wait([reading])
                raise _Over
        except* (_Over, WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.connected -= 1
        if died.is_set():
            raise Died

    async def _read_synthesis(self, socket: WebSocket, group: asyncio.TaskGroup, died: asyncio.Event) -> None:
        contexts: dict[str, Any] = {}
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            head, body = _parsed(message)
            request = head.get("x-requestid", "")
            if head["path"] == "synthesis.context":
                contexts[request] = json.loads(body)
                self.requests.append({"path": "synthesis.context", **contexts[request]})
            elif head["path"] == "ssml":
                self.requests.append({"path": "ssml", "ssml": body.decode()})
                answer = _Answer(self, socket, request, self.synthesis_fault, first=-3)
                group.create_task(self._speak(answer, body.decode(), died))

    async def _speak(self, answer: _Answer, ssml: str, died: asyncio.Event) -> None:
        text = unescape(re.sub(r"<[^>]*>", "", ssml)).strip()
        self.spoken.append(text)
        try:
            await answer.send("turn.start", {"context": {"serviceTag": uuid.uuid4().hex}})
            await answer.send("response", {"audio": {"type": "inline", "streamId": "1"}})
            await answer.send("audio.metadata", {"Metadata": _boundaries(text)})
            audio, size = b"" if self.empty else _hum(text), self.chunk_ms * dsp.BYTES_PER_MS
            for at in range(0, len(audio), size):
                await answer.send_audio(audio[at : at + size])
                await asyncio.sleep(self.chunk_gap_s)
            await answer.send("turn.end", {})
        except (Died, WebSocketDisconnect, RuntimeError):
            died.set()


class _Over(Exception):
    """The client has gone."""


async def _cancel_when(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    await event.wait()
    task.cancel()


class _Answer:
    """What is sent under one request, message by message, until the fault."""

    def __init__(
        self, fake: AzureFake, socket: WebSocket, request: str, fault: Fault | None, first: int = 0
    ) -> None:
        self._fake = fake
        self._socket = socket
        self.request = request
        self._fault = fault
        self._number = first

    async def send(self, path: str, body: dict[str, Any]) -> None:
        head = f"X-RequestId:{self.request}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n"
        if await self._goes_through():
            await self._socket.send_text(head + json.dumps(body))

    async def send_audio(self, audio: bytes) -> None:
        head = f"X-RequestId:{self.request}\r\nX-StreamId:1\r\nPath:audio\r\n".encode()
        if await self._goes_through():
            await self._socket.send_bytes(len(head).to_bytes(2, "big") + head + audio)

    async def _goes_through(self) -> bool:
        number, fault = self._number, self._fault
        self._number += 1
        if fault is None or fault.kind == "refused" or number < fault.at:
            return True
        self._fake.faulted_at = self._fake.faulted_at or time.monotonic()
        if fault.kind == "dies":
            await self._socket.close(fault.code)
            raise Died
        if fault.kind == "malformed" and number == fault.at:
            await self._socket.send_text("no head, no body")
        return False


class _Turn:
    """One turn of recognition: the audio under one request."""

    def __init__(self, fake: AzureFake, answer: _Answer) -> None:
        self._fake = fake
        self.answer = answer
        self.request = answer.request
        self._rest = b""
        self._ms = 0
        self._loud_from: int | None = None
        self._loud_ms = 0
        self._loud_until = 0
        self._words = 0

    async def hear(self, body: bytes) -> None:
        if not body:
            await self._end_phrase()
            await self._phrase("EndOfDictation", Phrase(""), self._ms, self._ms)
            await self.answer.send("turn.end", {})
            return
        self._rest += body
        while len(self._rest) >= FRAME_BYTES:
            frame, self._rest = self._rest[:FRAME_BYTES], self._rest[FRAME_BYTES:]
            self._ms += 20
            await self._hear_frame(dsp.rms(frame) > LOUD)

    async def _hear_frame(self, loud: bool) -> None:
        if self._fake.silent:
            return
        if loud:
            self._loud_from = self._ms - 20 if self._loud_from is None else self._loud_from
            self._loud_ms, self._loud_until = self._loud_ms + 20, self._ms
            if self._loud_ms >= (self._words + 1) * self._fake.word_ms:
                await self._hypothesis()
        elif self._loud_from is not None and self._ms - self._loud_until >= self._fake.segment_ms:
            await self._end_phrase()

    async def _hypothesis(self) -> None:
        assert self._loud_from is not None
        phrase = self._fake.phrases[0]
        words = phrase.text.lower().rstrip(".?!").split()
        self._words += 1
        if self._words <= len(words):
            body = {"Text": " ".join(words[: self._words]), **_span(self._loud_from, self._ms)}
            await self.answer.send("speech.hypothesis", body | _language(phrase))

    async def _end_phrase(self) -> None:
        if self._loud_from is None:
            return
        phrases = self._fake.phrases
        phrase = phrases.pop(0) if len(phrases) > 1 else phrases[0]
        began, self._loud_from, self._loud_ms, self._words = self._loud_from, None, 0, 0
        await asyncio.sleep(self._fake.final_delay_s)
        await self._phrase("Success", phrase, began, self._loud_until)

    async def _phrase(self, status: str, phrase: Phrase, from_ms: int, to_ms: int) -> None:
        body = {
            "RecognitionStatus": status,
            "DisplayText": phrase.text,
            "Channel": 0,
            **_span(from_ms, to_ms),
        }
        await self.answer.send("speech.phrase", body | _language(phrase))


def _span(from_ms: int, to_ms: int) -> dict[str, Any]:
    ticks = {"Offset": from_ms * TICKS_PER_MS, "Duration": (to_ms - from_ms) * TICKS_PER_MS}
    return {"Id": uuid.uuid4().hex, **ticks}


def _language(phrase: Phrase) -> dict[str, Any]:
    return {"PrimaryLanguage": {"Language": phrase.locale, "Confidence": "High"}}


_hum = lru_cache(maxsize=64)(hum)  # many streams of one text would keep each other waiting


def _boundaries(text: str) -> list[dict[str, Any]]:
    found, at_ms = [], 0
    for word in text.split():
        length_ms = len(_hum(word)) // dsp.BYTES_PER_MS
        ticks = {"Offset": at_ms * TICKS_PER_MS, "Duration": length_ms * TICKS_PER_MS}
        name = {"Text": word, "Length": len(word), "BoundaryType": "WordBoundary"}
        found.append({"Type": "WordBoundary", "Data": {**ticks, "text": name}})
        at_ms += length_ms
    return found


def _parsed(message: Any) -> tuple[dict[str, str], bytes]:
    """Head and body of a message, text or binary."""
    if message.get("text") is not None:
        raw, _, body = message["text"].encode().partition(b"\r\n\r\n")
    else:
        length = int.from_bytes(message["bytes"][:2], "big")
        raw, body = message["bytes"][2 : 2 + length], message["bytes"][2 + length :]
    pairs = (line.partition(":") for line in raw.decode().split("\r\n") if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}, body

"""OpenAI's speech on 127.0.0.1, faithful enough for the real SDK: realtime transcription, /audio/speech, faults."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from providers import dsp
from providers.scripted import hum
from tests.providers.loopback import Died, Fault

SHORTEST_BYTES = 100 * dsp.BYTES_PER_MS
LOUD = 0.005


@dataclass
class OpenAIFake:
    """What it does, and what it saw. An item's words are the next of `texts`; silence has none.

    `clients` are the connections that asked for speech, `faulted_at` is when something went wrong first.
    """

    texts: list[str] = field(default_factory=lambda: ["Hello there."])
    fault: Fault | None = None
    speech_fault: Fault | None = None
    chunk_bytes: int = 4799  # cuts samples in half
    chunk_gap_s: float = 0.0
    final_delay_s: float = 0.0
    empty: bool = False
    sessions: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)
    connected: int = 0
    faulted_at: float | None = None
    clients: set[tuple[str, int] | None] = field(default_factory=set)

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/v1/realtime", self._realtime),
                Route("/v1/audio/speech", self._speech, methods=["POST"]),
                Route("/v1/models", self._models),
            ]
        )

    async def _models(self, request: Request) -> Response:
        self.clients.add(request.client)
        return JSONResponse({"object": "list", "data": []})

    async def _speech(self, request: Request) -> Response:
        body, fault = await request.json(), self.speech_fault
        self.requests.append(body)
        self.clients.add(request.client)
        self.keys.append(request.headers.get("authorization"))
        if fault and fault.kind == "refused":
            self.went_wrong()
            error = {"message": "no", "type": "t", "param": None, "code": None}
            return JSONResponse({"error": error}, fault.status, headers={"retry-after": "7"})
        return StreamingResponse(self._audio(body["input"], fault), media_type="audio/pcm")

    async def _audio(self, text: str, fault: Fault | None) -> AsyncIterator[bytes]:
        pcm = b"" if self.empty else _pcm_of_text(text)
        for number, at in enumerate(range(0, len(pcm), self.chunk_bytes)):
            if fault and number >= fault.at:
                self.went_wrong()
                if fault.kind == "dies":
                    raise Died
                await asyncio.sleep(60)
            yield pcm[at : at + self.chunk_bytes]
            await asyncio.sleep(self.chunk_gap_s)

    def went_wrong(self) -> None:
        self.faulted_at = self.faulted_at or time.monotonic()

    async def _realtime(self, socket: WebSocket) -> None:
        self.keys.append(socket.headers.get("authorization"))
        if self.fault and self.fault.kind == "refused":
            await socket.send_denial_response(JSONResponse({"error": {}}, self.fault.status))
            return
        await socket.accept()
        self.connected += 1
        try:
            await _Session(self, socket).run()
        except (WebSocketDisconnect, RuntimeError, Died):
            pass
        finally:
            self.connected -= 1


class _Session:
    def __init__(self, fake: OpenAIFake, socket: WebSocket) -> None:
        self._fake = fake
        self._socket = socket
        self._sent = itertools.count()
        self._numbers = itertools.count(1)
        self._buffer = b""

    async def run(self) -> None:
        await self._send("session.created", session={"type": "transcription", "id": "sess_1"})
        while True:
            event = await self._socket.receive_json()
            match event["type"]:
                case "session.update":
                    self._fake.sessions.append(event["session"])
                    await self._send("session.updated", session=event["session"])
                case "input_audio_buffer.append":
                    self._buffer += base64.b64decode(event["audio"])
                case "input_audio_buffer.clear":
                    self._buffer = b""
                    await self._send("input_audio_buffer.cleared")
                case "input_audio_buffer.commit":
                    await self._commit()

    async def _commit(self) -> None:
        audio, self._buffer = self._buffer, b""
        if len(audio) < SHORTEST_BYTES:
            error = {"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty"}
            await self._send("error", error=error | {"message": "too short", "param": None, "event_id": None})
            return
        self._fake.items.append(audio)
        item = f"item_{next(self._numbers)}"
        await self._send("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        text = self._fake.texts.pop(0) if dsp.rms(audio) > LOUD and self._fake.texts else ""
        kind = "conversation.item.input_audio_transcription"
        for word in text.split():
            await self._send(f"{kind}.delta", item_id=item, content_index=0, delta=f"{word} ")
        await asyncio.sleep(self._fake.final_delay_s)
        await self._send(f"{kind}.completed", item_id=item, content_index=0, transcript=text)

    async def _send(self, kind: str, **fields: Any) -> None:
        number, fault = next(self._sent), self._fake.fault
        if fault and number >= fault.at:
            self._fake.went_wrong()
            if fault.kind == "dies":
                await self._socket.close(fault.code)
                raise Died
            if fault.kind == "malformed" and number == fault.at:
                await self._socket.send_text("{no JSON")
            return
        await self._socket.send_json({"type": kind, "event_id": f"event_{number}", **fields})


@lru_cache(maxsize=16)
def _pcm_of_text(text: str) -> bytes:
    """Worked out once: many streams of one text would keep each other waiting."""
    return pcm_of(hum(text))


def pcm_of(mulaw: bytes) -> bytes:
    """μ-law as OpenAI sends speech: 24 kHz, 16 bit."""
    samples = np.clip(dsp.interpolate(dsp.from_mulaw(mulaw), 3) * 32767, -32768, 32767)
    return samples.astype("<i2").tobytes()

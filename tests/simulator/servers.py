"""Small servers to call: a webhook that answers TwiML, and agents of different manners on its stream."""

from __future__ import annotations

import asyncio
import base64
import json
import math
from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.audio.g711 import from_linear, rms

URL = "http://127.0.0.1:8000"
CONNECT = (
    '<Response><Connect action="/after"><Stream url="/stream"><Parameter name="token" value="t1"/></Stream>'
    "</Connect></Response>"
)
END = "<Response/>"
VOICED = 1000
END_OF_TURN_MS = 200


def tone(ms: float, hz: float = 440.0, level: float = 8000.0) -> bytes:
    """μ-law sine."""
    count = round(ms * 8)
    samples = (round(level * math.sin(i * hz * math.tau / 8000)) for i in range(count))
    return from_linear(array("h", samples).tobytes())


class ToneSpeech:
    """A voice that hums 60 ms a character and falls silent for 100 ms at the end."""

    async def speak(self, text: str, language: str) -> bytes:
        return tone(60 * len(text)) + b"\xff" * 800


class Line:
    """An agent's view of its stream: reads messages, remembers them, and sends."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.received: list[dict[str, Any]] = []
        self.stream_sid = ""

    async def messages(self) -> Any:
        async for text in self._socket.iter_text():
            message = json.loads(text)
            self.received.append(message)
            if message["event"] == "start":
                self.stream_sid = message["streamSid"]
            yield message

    async def send(self, event: str, **body: Any) -> None:
        await self.send_raw(json.dumps({"event": event, "streamSid": self.stream_sid, **body}))

    async def send_raw(self, text: str) -> None:
        await self._socket.send_text(text)

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def play(self, audio: bytes) -> None:
        await self.send("media", media={"payload": base64.b64encode(audio).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})

    async def close(self, code: int = 1000) -> None:
        await self._socket.close(code)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.received if message["event"] == event]


Agent = Callable[[Line], Awaitable[None]]


class Server:
    """Answers webhooks from `documents` by path (the last one stays), runs `agent` on each stream."""

    def __init__(self, agent: Agent, documents: dict[str, list[str]] | None = None) -> None:
        self._agent = agent
        self._documents = documents or {"/voice": [CONNECT], "/after": [END]}
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.handshakes: list[dict[str, str]] = []
        self.lines: list[Line] = []
        self.refuse_streams = False
        self.app = Starlette(
            routes=[
                WebSocketRoute("/{path:path}", self._stream),
                Route("/{path:path}", self._webhook, methods=["GET", "POST"]),
            ]
        )

    async def _webhook(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        form.update(request.query_params)
        self.requests.append((request.url.path, form, dict(request.headers)))
        documents = self._documents.get(request.url.path)
        if not documents:
            return Response(status_code=404)
        document = documents.pop(0) if len(documents) > 1 else documents[0]
        return Response(document, media_type="text/xml")

    async def _stream(self, socket: WebSocket) -> None:
        self.handshakes.append(dict(socket.headers))
        if self.refuse_streams:
            await socket.close()
            return
        await socket.accept()
        line = Line(socket)
        self.lines.append(line)
        with suppress(WebSocketDisconnect):
            await self._agent(line)


def ends_of_turns(messages: Any, line: Line) -> Any:
    """Yields whenever the caller has spoken and been silent for a while."""

    async def wait() -> Any:
        silent_ms, spoke = 0.0, False
        async for message in messages:
            if message["event"] != "media":
                continue
            loud = rms(base64.b64decode(message["media"]["payload"])) > VOICED
            silent_ms = 0.0 if loud else silent_ms + 20
            spoke = spoke or loud
            if spoke and silent_ms >= END_OF_TURN_MS:
                spoke = False
                yield message

    return wait()


def polite(greeting_ms: float = 500, answer_ms: float = 800, thinks_s: float = 0.05) -> Agent:
    """Greets, and answers each turn `thinks_s` after it noticed its end."""

    async def agent(line: Line) -> None:
        messages = line.messages()
        async for message in messages:
            if message["event"] == "start":
                break
        await line.play(tone(greeting_ms))
        async for _ in ends_of_turns(messages, line):
            await asyncio.sleep(thinks_s)
            await line.play(tone(answer_ms))
            await line.mark("answer")

    return agent

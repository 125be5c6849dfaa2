"""A plain echo on uvicorn, for `scripts/bench capacity` to hold callrelay against.

Media messages are decoded, every frame goes through the same batched voice detector, and when the caller has been
silent for a while, what they said is sent back, a message a frame, as fast as theirs come in. No turn-taking, no flow,
no recognition, no voice, no marks, no records, no timers. `python -m scripts.benches.bare` listens on PORT, on
uvicorn's own WebSocket; with `--short-way` on callrelay's.
"""

from __future__ import annotations

import os
import sys
from asyncio import TaskGroup
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.audio.g711 import FRAME_BYTES, FRAME_MS
from app.clock import SystemClock
from app.ops.meters import Meters
from app.server import claimed_port, uvicorn_config
from app.serving import SWITCH_INTERVAL_S
from providers.base import VoiceDetector, VoiceWindow
from providers.local_silero import WINDOW_MS
from providers.local_voice_detector import SileroVoiceDetector
from providers.scripted import hum

VOICED = 0.5
SILENCE_MS = 700.0
SHORT_WAY = "--short-way"
# so far ahead of the caller's ear, as the relay is
LEAD_FRAMES = 10


class _Media(msgspec.Struct):
    payload: bytes


class _Message(msgspec.Struct):
    event: str
    streamSid: str = ""
    media: _Media | None = None


class BareCall:
    """What one caller said, and what is still to be sent back, frame by frame."""

    def __init__(self, detector: VoiceDetector) -> None:
        self._voice = detector.open(self._windows, lambda: self._may_be_over)
        self._said: list[bytes] = []
        self._reply = deque(_frames(hum("Go ahead.")))
        self._lead = LEAD_FRAMES
        self._voiced_ms: float | None = None
        self._silent_ms = 0.0

    def heard(self, frame: bytes) -> list[bytes]:
        """Take in a frame; returns those that go out now."""
        self._voice.push(frame)
        if self._voiced_ms is not None:
            self._said.append(frame)
        if not self._reply:
            return []
        count, self._lead = 1 + self._lead, 0
        return [self._reply.popleft() for _ in range(min(count, len(self._reply)))]

    def over(self) -> None:
        self._voice.close()

    def _windows(self, windows: Sequence[VoiceWindow]) -> None:
        for window in windows:
            if window.probability >= VOICED:
                self._voiced_ms, self._silent_ms = window.end_ms, 0.0
            elif self._voiced_ms is not None:
                self._silent_ms = window.end_ms - self._voiced_ms
                if self._silent_ms >= SILENCE_MS:
                    self._answer()

    @property
    def _may_be_over(self) -> bool:
        """Whether the next window may be the last of what is said."""
        return self._voiced_ms is not None and self._silent_ms + WINDOW_MS >= SILENCE_MS

    def _answer(self) -> None:
        self._reply.extend(self._said[: -int(SILENCE_MS / FRAME_MS)])
        self._said, self._voiced_ms, self._lead = [], None, LEAD_FRAMES


def _frames(audio: bytes) -> list[bytes]:
    return [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]


class Bare:
    """The application: a webhook, a stream and a little health."""

    def __init__(self) -> None:
        self._detector = SileroVoiceDetector()
        self._meters = Meters(SystemClock())
        self._decoder = msgspec.json.Decoder(_Message)
        routes = [
            Route("/health", self._health),
            Route("/health/ready", self._health),
            Route("/voice/incoming", self._incoming, methods=["POST"]),
            WebSocketRoute("/stream", self._stream),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        await self._detector.warm_up()
        async with TaskGroup() as group:
            lag = group.create_task(self._meters.watch_loop())
            yield
            lag.cancel()
        await self._detector.aclose()

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"loop": {"lagP95Ms": self._meters.loop_lag_p95_ms}})

    async def _incoming(self, request: Request) -> Response:
        stream = f'<Stream url="ws://{request.url.netloc}/stream"/>'
        return Response(f"<Response><Connect>{stream}</Connect></Response>", media_type="text/xml")

    async def _stream(self, websocket: WebSocket) -> None:
        await websocket.accept()
        call = BareCall(self._detector)
        try:
            async for text in websocket.iter_text():
                message = self._decoder.decode(text)
                if message.media:
                    for frame in call.heard(message.media.payload):
                        await websocket.send_text(_media(message.streamSid, frame))
        finally:
            call.over()


def _media(stream_sid: str, frame: bytes) -> str:
    payload = b64encode(frame).decode()
    return f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"{payload}"}}}}'


def main() -> None:
    """Listen until told to stop."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    config = uvicorn_config(Bare().app)
    if SHORT_WAY not in sys.argv:
        config.ws = "websockets-sansio"
    with claimed_port("127.0.0.1", int(os.environ["PORT"])) as listener:
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()

"""The carrier's media sockets: who may open one, and the first seconds until a call is known."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.call.call import Call
from app.call.registry import CallRegistry
from app.call.services import Services
from app.call.session import Disconnected, run_stream
from app.carriers.base import CarrierCodec, carrier_codecs
from app.carriers.events import StreamStarted
from app.errors import RemoteProtocolError
from app.short_way import SHORT_WAY, ShortWay
from app.web.access import Access
from app.web.tokens import StreamTokens
from app.web.voice import STREAM_PATH

log = logging.getLogger("callrelay.web")

START_TIMEOUT_S = 5.0
POLICY_VIOLATION = 1008


class _Socket:
    """Starlette's WebSocket as a MediaSocket; by the short way where the server knows one."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._short_way: ShortWay | None = websocket.scope.get("extensions", {}).get(SHORT_WAY)

    async def receive(self) -> str | bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        text: str | bytes | None = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    def hand_on(self, take: Callable[[str], None] | None) -> None:
        if self._short_way is not None:
            self._short_way.hand_on(take)

    def write(self, message: str) -> bool:
        return self._short_way is not None and self._short_way.write(message)

    async def send(self, message: str) -> None:
        try:
            await self._websocket.send({"type": "websocket.send", "text": message})
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise Disconnected from error

    async def close(self, code: int, reason: str) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            try:
                await self._websocket.close(code, reason)
            except (WebSocketDisconnect, RuntimeError, OSError):
                log.debug("the peer closed first")


class Streams:
    """The route under /streams."""

    def __init__(
        self, access: Access, tokens: StreamTokens, registry: CallRegistry, services: Services
    ) -> None:
        self._access = access
        self._tokens = tokens
        self._registry = registry
        self._services = services
        self._codecs = carrier_codecs()

    @property
    def routes(self) -> list[WebSocketRoute]:
        return [WebSocketRoute(STREAM_PATH, self._twilio)]

    async def _twilio(self, websocket: WebSocket) -> None:
        verdict = self._access.stream(websocket)
        if not verdict.allowed:
            log.warning("refused a stream: %s", verdict.reason)
            await websocket.close(POLICY_VIOLATION)
            return
        await websocket.accept()
        socket, codec = _Socket(websocket), self._codecs["twilio_stream"]()
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                call = await self._call_of(socket, codec)
        except Disconnected:
            return
        except TimeoutError:
            await socket.close(POLICY_VIOLATION, "no start within 5 s")
            return
        except RemoteProtocolError as error:
            log.warning("refused a stream: %s", error)
            await socket.close(error.close_code, str(error))
            return
        await run_stream(call, socket, codec, self._services)

    async def _call_of(self, socket: _Socket, codec: CarrierCodec) -> Call:
        """Read until `start` says whose stream this is. Raises RemoteProtocolError when it may not be."""
        while True:
            for event in codec.receive(await socket.receive(), self._services.clock.now()):
                if isinstance(event, StreamStarted):
                    return self._admitted(event)

    def _admitted(self, started: StreamStarted) -> Call:
        token = started.parameters.get("token", "")
        if not self._tokens.consume(token, started.call_sid):
            raise RemoteProtocolError(
                "the stream's token is missing, used, too old or of another call", close_code=POLICY_VIOLATION
            )
        call = self._registry.claim(started.call_sid)
        if call is None:
            raise RemoteProtocolError("no call is waiting for this stream", close_code=POLICY_VIOLATION)
        return call

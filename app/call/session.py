"""One stream of a call: everything that runs while the socket is open, in one task group."""

from __future__ import annotations

import asyncio
import logging
import traceback
import weakref
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

from app.call.call import Apology, Call
from app.call.conversation import Conversation
from app.call.hearing import Hearing
from app.call.journal import Journal
from app.call.recording import Tape
from app.call.registry import LOST, REPLACED, RESUME_AWAITED_S, STREAM_AWAITED_S
from app.call.services import Services
from app.call.tasks import Tasks
from app.carriers.base import CarrierCodec
from app.carriers.events import (
    AudioReceived,
    DigitPressed,
    InboundEvent,
    MarkReached,
    OutboundCommand,
    SendMark,
    StreamStarted,
    StreamStopped,
)
from app.errors import RemoteProtocolError
from app.orchestrator.chain import Switch

log = logging.getLogger("callrelay.call")

SEND_TIMEOUT_S = 2.0
PROBE_AFTER_S = 5.0
GIVE_UP_AFTER_S = 15.0
CLOSE_TIMEOUT_S = 1.0


class Disconnected(Exception):
    """The socket is gone."""


class MediaSocket(Protocol):
    """The stream's WebSocket, as the web layer hands it over."""

    async def receive(self) -> str | bytes:
        """The next message. Raises Disconnected."""
        ...

    def hand_on(self, take: Callable[[str], None] | None) -> None:
        """Where that is possible, call `take`, which does not fail, with messages as they come; None: not any more.

        The others, and their order among all, are those of `receive`.
        """
        ...

    def write(self, message: str) -> bool:
        """Send a text message if that can be done at once; False: nothing was sent."""
        ...

    async def send(self, message: str) -> None:
        """Send a text message, waiting while the peer is slow. Raises Disconnected."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Close; does nothing when closed already."""
        ...


async def run_stream(call: Call, socket: MediaSocket, codec: CarrierCodec, services: Services) -> None:
    """Hold the conversation until the stream ends, whatever ends it, and leave nothing behind.

    One of the three places where everything is caught: a defect in one call ends that call alone.
    """
    session = _Session(call, socket, codec, services)
    if not await services.registry.attach(call, session.ended):
        await _close(socket, 1008, "the call is over")
        return
    try:
        await session.run()
    except Exception as error:
        session.failed(error)
    finally:
        session.settle()
    await _close(socket, session.close_code, session.reason)


async def _close(socket: MediaSocket, code: int, reason: str) -> None:
    """A carrier that does not read does not take a goodbye either."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close(code, reason)


def _cause(error: Exception) -> Exception:
    """What a task group wrapped up."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _note_switch(journal: Journal, switch: Switch) -> None:
    """Of the journal alone: the session holds who tells it."""
    if not journal.closed:
        journal.write("failover", role=switch.role, left=switch.left, taken=switch.taken, why=switch.why)


class _Session:
    """Implements `Line`."""

    def __init__(self, call: Call, socket: MediaSocket, codec: CarrierCodec, services: Services) -> None:
        self._call = call
        self._socket = socket
        self._codec = codec
        self._services = replace(
            services, speech=services.speech.watched(partial(_note_switch, call.journal))
        )
        self._over = asyncio.Event()
        self._frames = 0
        self._sending_since: list[float] = []  # the agent's words and a probe may wait at once
        self._tape: Tape | None = None
        self.reason = ""
        self.close_code = 1000

    def ended(self, reason: str, close_code: int = 1000) -> None:
        """The stream is over; the first reason counts."""
        if not self._over.is_set():
            self.reason, self.close_code = reason, close_code
            self._over.set()

    def failed(self, error: Exception) -> None:
        """The call ends by a defect, which is said to be one and not what it says: that may quote the caller."""
        call, cause = self._call, _cause(error)
        where = "".join(traceback.format_tb(cause.__traceback__))
        log.error("call %s ended by a defect: %s\n%s", call.sid, type(cause).__name__, where)
        self._note(f"a defect: {type(cause).__name__}")
        call.next_step = Apology()
        self.ended("error", 1011)

    def _note(self, error: str) -> None:
        """In the record, where that is still open."""
        if not self._call.over:
            self._call.journal.write("error", text=error)

    async def run(self) -> None:
        call, services = self._call, self._services
        hearing = Hearing(services.speech.transcriber, services.languages_of(call.flow))
        async with AsyncExitStack() as afterwards, asyncio.TaskGroup() as group:
            tasks = Tasks(group)
            conversation = Conversation(call, services, hearing, tasks, self, self.ended)
            afterwards.push_async_callback(conversation.aclose)
            if services.recordings:
                self._record(
                    services.recordings.tape(call.sid, weakref.proxy(conversation)), tasks, afterwards
                )
            listening = hearing.switch(call.state.language if call.state else call.language)
            # the greeting does not wait for the ear
            watching = (self._watch(conversation), self._watch_sending())
            for part in (listening, self._read(conversation), *watching, conversation.run()):
                tasks.create(part)
            try:
                await self._over.wait()
            finally:
                tasks.cancel()

    def _record(self, tape: Tape, tasks: Tasks, afterwards: AsyncExitStack) -> None:
        """Keep the sound of the stream from here to its end."""
        self._tape = tape
        tasks.create(tape.run())
        afterwards.push_async_callback(tape.aclose)

    def settle(self) -> None:
        """What the end of the stream means for the call."""
        registry, call = self._services.registry, self._call
        registry.detach(call)
        if not call.over:
            repaired = {str(what): times for what, times in self._codec.counts.items()}
            call.journal.write("stream_ended", reason=self.reason, frames=self._frames, repaired=repaired)
            if tape := self._tape:
                call.journal.write("call_recorded", file=tape.path.name, seconds=round(tape.seconds, 1))
        if call.next_step:
            registry.await_stream(
                call, STREAM_AWAITED_S, self.reason
            )  # the carrier's webhook may take its time
        elif self.reason in (REPLACED, LOST):
            registry.await_stream(call, RESUME_AWAITED_S, self.reason)
        else:
            registry.end_with_stream(call, self.reason)

    async def _read(self, conversation: Conversation) -> None:
        """Hear what comes, until nothing does."""
        take = partial(self._take, conversation)
        try:
            self._socket.hand_on(take)
            while True:
                take(await self._socket.receive())
        except Disconnected:
            self.ended(LOST)
        finally:
            self._socket.hand_on(None)

    def _take(self, conversation: Conversation, message: str | bytes) -> None:
        """What is wrong with a message ends the call, here and not where the socket is read for all."""
        if self._over.is_set():
            return
        try:
            for event in self._codec.receive(message, self._services.clock.now()):
                if type(event) is AudioReceived:  # nearly all are
                    self._heard(conversation, event)
                else:
                    self._dispatch(conversation, event)
        except RemoteProtocolError as error:
            self._note(str(error))
            self.ended("protocol error", error.close_code)
        except Exception as error:
            self.failed(error)

    def _heard(self, conversation: Conversation, audio: AudioReceived) -> None:
        self._frames += not audio.concealed
        conversation.hear(audio.payload)
        if self._tape:
            self._tape.heard(audio.payload)

    def _dispatch(self, conversation: Conversation, event: InboundEvent) -> None:
        match event:
            case MarkReached(name=name):
                conversation.speaker.mark_reached(name)
            case DigitPressed(digit=digit):
                conversation.pressed(digit)
            case StreamStopped():
                self.ended("hangup")
            case StreamStarted():
                raise RemoteProtocolError("a second start on one stream", close_code=1008)

    def write(self, command: OutboundCommand) -> bool:
        written = self._socket.write(self._codec.send(command))
        if written and self._tape:
            self._tape.sent(command)
        return written

    async def send(self, command: OutboundCommand) -> None:
        since = self._services.clock.now()
        self._sending_since.append(since)
        try:
            await self._socket.send(self._codec.send(command))
            if self._tape:
                self._tape.sent(command)
        except Disconnected:
            self.ended(LOST)
        finally:
            self._sending_since.remove(since)

    async def _watch_sending(self) -> None:
        """Give up a carrier that does not read. A timer for every frame would cost more than the frame."""
        clock = self._services.clock
        while True:
            now = clock.now()
            waited_s = now - min(self._sending_since, default=now)
            if waited_s >= SEND_TIMEOUT_S:
                self.ended("carrier does not read", 1008)
                return
            await asyncio.sleep(SEND_TIMEOUT_S - waited_s)

    async def _watch(self, conversation: Conversation) -> None:
        """A half-open socket says nothing: ask it after 5 s, give it up after 15 s."""
        clock = self._services.clock
        while True:
            await asyncio.sleep(PROBE_AFTER_S)
            silent_s = clock.now() - conversation.floor.listener.last_audio_at
            if silent_s >= GIVE_UP_AFTER_S:
                self.ended("no media", 1001)
            elif silent_s >= PROBE_AFTER_S:
                await self.send(SendMark("probe"))

"""The sound of a call, where RECORD_CALLS is set: the caller left, the agent right, silence over what is sensitive.

A file is opened, added to and closed once a second, beside the event loop, and its header always fits: so there is
nothing to close when a call ends, in whatever way, and its next stream, on whatever worker, goes on where it stopped.
Between two streams of a call nothing is recorded.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from app.audio.g711 import BYTES_PER_MS, SILENCE, to_linear
from app.audio.wav import HEADER_BYTES, SAMPLE_BYTES, header
from app.call.aside import Aside
from app.call.secrecy import MASK, Secrecy
from app.call.speaker import Speaker
from app.carriers.events import ClearAudio, OutboundCommand, PlayAudio
from app.clock import Clock

log = logging.getLogger("callrelay.call")

CHANNELS = 2
WRITE_EVERY_S = 1.0
CLOSE_TIMEOUT_S = 3.0
OPEN_BYTES = 1000 * BYTES_PER_MS  # the newest second may still change
JITTER_BYTES = 200 * BYTES_PER_MS
WAITING_BYTES_MAX = 30_000 * BYTES_PER_MS
PAIR_BYTES = CHANNELS * SAMPLE_BYTES


class Confidant(Protocol):
    """Knows what is sensitive."""

    @property
    def secrecy(self) -> Secrecy: ...

    @property
    def speaker(self) -> Speaker: ...


@dataclass(frozen=True, slots=True)
class Recordings:
    """In DATA_DIR/recordings, as CALL_SID.wav; nobody else may read them."""

    data_dir: Path
    clock: Clock
    aside: Aside

    def tape(self, call_sid: str, confidant: Confidant) -> Tape:
        """What a stream of the call adds."""
        path = self.data_dir / "recordings" / f"{call_sid}.wav"
        return Tape(path, self.clock, self.aside, confidant)


class Tape:
    """One stream's. Positions are bytes of μ-law audio since the stream began, by the clock."""

    def __init__(self, path: Path, clock: Clock, aside: Aside, confidant: Confidant) -> None:
        self.path = path
        self._written_bytes = 0
        self._lost_bytes = 0
        self._settled_bytes = 0
        self._clock = clock
        self._aside = aside
        self._confidant = confidant
        self._began = clock.now()
        self._caller = bytearray()
        self._agent = bytearray()
        self._settled: deque[tuple[bytes, bytes]] = deque()
        self._writing = threading.Lock()

    @property
    def seconds(self) -> float:
        """By how much the file has grown."""
        return self._written_bytes / BYTES_PER_MS / 1000

    def heard(self, audio: bytes) -> None:
        """Caller audio, as it comes. A pause in what comes is silence; jitter is not."""
        due = self._now() - len(audio)
        if due > len(self._caller) + JITTER_BYTES:
            _fill(self._caller, due)
        self._add(self._caller, audio)

    def sent(self, command: OutboundCommand) -> None:
        """Agent audio plays when it is sent, or after what plays by then; what is cleared was not heard."""
        now = self._now()
        if isinstance(command, PlayAudio):
            _fill(self._agent, now)
            self._add(self._agent, command.payload)
        elif isinstance(command, ClearAudio):
            del self._agent[max(0, now) :]

    async def run(self) -> None:
        """Write what is settled, for ever."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self._write(self._now() - OPEN_BYTES)

    async def aclose(self) -> None:
        """Write the rest: what the caller had not heard when the stream ended does not belong to it.

        A disk that hangs keeps no call from ending: it has 3 s, and what it has begun to take may yet be written.
        """
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._write(self._now())
        except TimeoutError:
            log.error("%s: the disk does not answer; the end of the call may be missing", self.path.name)

    def _now(self) -> int:
        """In bytes that are not settled yet."""
        return int((self._clock.now() - self._began) * 1000) * BYTES_PER_MS - self._settled_bytes

    def _add(self, track: bytearray, audio: bytes) -> None:
        if len(track) < WAITING_BYTES_MAX:
            track += SILENCE * len(audio) if self._is_secret() else audio

    def _is_secret(self) -> bool:
        confidant = self._confidant
        return confidant.secrecy.covers(self._clock.now()) or any(
            prompt.record == MASK for prompt in confidant.speaker.unheard
        )

    async def _write(self, count: int) -> None:
        if count <= 0:
            return
        self._settled.append((_taken(self._caller, count), _taken(self._agent, count)))
        self._settled_bytes += count
        await self._aside(self._written)

    def _written(self) -> bool:
        """Runs beside the event loop, maybe twice at a time: who writes was not asked whether it could be cancelled."""
        with self._writing:
            while self._settled:
                self._append(*self._settled.popleft())
        return not self._lost_bytes

    def _append(self, caller: bytes, agent: bytes) -> None:
        """What the disk does not take is silence once it takes something again: the rest keeps its place."""
        try:
            _extend(self.path, self._lost_bytes, _interleaved(caller, agent))
        except OSError as error:  # a full disk ends no call
            if not self._lost_bytes:
                log.error(
                    "%s cannot be written: %s; the call is not kept whole", self.path.name, error.strerror
                )
            self._lost_bytes += len(caller)
        else:
            self._written_bytes += self._lost_bytes + len(caller)
            self._lost_bytes = 0


def _interleaved(caller: bytes, agent: bytes) -> bytes:
    tracks = [np.frombuffer(to_linear(track), np.int16) for track in (caller, agent)]
    return np.stack(tracks, axis=1).tobytes()


def _fill(track: bytearray, until: int) -> None:
    """Silence up to a position."""
    track += SILENCE * min(until - len(track), WAITING_BYTES_MAX)


def _taken(track: bytearray, count: int) -> bytes:
    """The first bytes, filled up where there are not so many yet."""
    taken = bytes(track[:count])
    del track[:count]
    return taken + SILENCE * (count - len(taken))


def _extend(path: Path, silent_samples: int, sound: bytes) -> None:
    """First silence, a hole that takes no room on the disk, then sound; the header last, so that a file that is cut
    off in between can be played. Raises OSError, and the file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.lseek(file, 0, os.SEEK_END)
        begins = max(before, HEADER_BYTES) + silent_samples * PAIR_BYTES
        try:
            _put(file, sound, begins)
            _put(file, header(begins - HEADER_BYTES + len(sound), CHANNELS), 0)
        except OSError:
            os.ftruncate(file, before)
            raise
    finally:
        os.close(file)


def _put(file: int, data: bytes, place: int) -> None:
    """All of it: a disk that becomes full takes a part first. Raises OSError."""
    while data:
        taken = os.pwrite(file, data, place)
        data, place = data[taken:], place + taken

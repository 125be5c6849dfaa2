"""One bidirectional media stream from the carrier's side, free of sockets and timers.

Call `opening` once, `tick` every 20 ms, `receive` with whatever the server sends; each returns the messages that
reach the server now. Media time begins with the first tick: frame n covers 20·n to 20·(n+1) ms and is sent
at its end. A late tick sends all frames that are due, so the pace never drifts.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.audio.g711 import FRAME_BYTES, FRAME_MS
from app.carriers.events import ClearAudio, PlayAudio, SendMark
from app.simulator.ear import Ear
from app.simulator.faults import Faults, FaultyLink
from app.simulator.line import SILENT_FRAME, Line, LineModel
from app.simulator.playout import CarrierPlayout
from app.simulator.track import Track
from app.simulator.utterance import Utterance
from app.simulator.wire import CONNECTED, CarrierMessages, ServerFault, read_server_message

FRAME_S = FRAME_MS / 1000
TICK_SLACK_S = 0.001
FAULTS_AT_MOST = 100
SILENT_PAYLOAD = binascii.b2a_base64(SILENT_FRAME, newline=False).decode()


@dataclass(slots=True)
class Recording:
    """Both directions of a call as the caller's line carried them, from `began_at` on."""

    caller: Track
    agent: Track

    @classmethod
    def since(cls, began_at: float) -> Recording:
        return cls(Track(began_at), Track(began_at))


@dataclass(slots=True)
class MediaStream:
    """The carrier's end of a stream. Times are monotonic seconds."""

    messages: CarrierMessages
    ear: Ear
    opened_at: float
    model: LineModel = field(default_factory=LineModel)
    faults: Faults = field(default_factory=Faults)
    recording: Recording | None = None
    server_faults: list[ServerFault] = field(default_factory=list)
    _line: Line = field(init=False)
    _link: FaultyLink = field(init=False)
    _playout: CarrierPlayout = field(default_factory=CarrierPlayout)
    _origin: float | None = None
    _frames: int = 0
    _utterance: Utterance | None = None
    _spoken: int = 0

    def __post_init__(self) -> None:
        self._line = Line(self.model, self.opened_at)
        self._link = FaultyLink(self.faults, self.opened_at)

    def opening(self, parameters: Mapping[str, str], now: float) -> list[str]:
        """What a carrier says first; `parameters` are the TwiML's."""
        self._link.other(CONNECTED, now)
        self._link.other(self.messages.start(parameters), now)
        return self._link.arrived(now)

    def tick(self, now: float) -> list[str]:
        """Play on until `now`, and send what is due."""
        if self._origin is None:
            self._origin = now
        self._played(self._playout.played(now))
        self._send_marks(now)
        while self._origin + (self._frames + 1) * FRAME_S <= now + TICK_SLACK_S:
            self._send_frame(self._origin + self._frames * FRAME_S, now)
        return self._link.arrived(now)

    def receive(self, data: str | bytes, now: float) -> list[str]:
        """Take in a message of the server's. What does not comply is dropped and kept in `server_faults`."""
        try:
            command = read_server_message(data, self.messages.stream_sid)
        except ServerFault as fault:
            del self.server_faults[FAULTS_AT_MOST - 1 :]
            self.server_faults.append(fault)
            return []
        match command:
            case PlayAudio(payload):
                self.ear.fed(payload, self._playout.feed(payload, now))
            case SendMark(name):
                self._playout.mark(name, now)
                self.ear.marked()
            case ClearAudio():
                self._played(self._playout.clear(now))
                self.ear.cleared(now)
        self._send_marks(now)
        return self._link.arrived(now)

    def say(self, utterance: Utterance, now: float) -> float:
        """Begin to speak with the next frame; returns when that frame begins. Replaces what was being said."""
        self._utterance, self._spoken = utterance, 0
        return (now if self._origin is None else self._origin) + self._frames * FRAME_S

    @property
    def speaking(self) -> bool:
        """Whether the caller's utterance is still being said."""
        return self._utterance is not None

    @property
    def frames(self) -> int:
        """How many frames of the caller's audio were sent, including those that the network then lost."""
        return self._frames

    def press(self, digit: str, now: float) -> list[str]:
        """The caller presses a key."""
        self.ear.caller_did(now)
        self._link.other(self.messages.dtmf(digit), now)
        return self._link.arrived(now)

    def stop(self, now: float) -> list[str]:
        """The stream ends in good order: all that is still on its way, and the carrier's last message."""
        self._link.other(self.messages.stop(), now)
        return self._link.arrived(float("inf"))

    def lost(self, now: float) -> bool:
        """Whether the network has gone for good."""
        return self._link.lost(now)

    def ended(self, now: float) -> None:
        """The socket is closed: what was not played never will be."""
        self._played(self._playout.clear(now))
        self.ear.cut_off(now)
        self._utterance = None

    def _send_frame(self, at: float, now: float) -> None:
        clean = self._next_clean(at)
        frame = self._line.frame(clean, at)
        if self.recording is not None:
            self.recording.caller.put(at, frame)
        self._frames += 1
        payload = SILENT_PAYLOAD if frame is SILENT_FRAME else _base64(frame)
        self._link.media(self.messages.media(payload, self._frames * FRAME_MS), now)

    def _next_clean(self, at: float) -> bytes | None:
        if self._utterance is None:
            return None
        clean = self._utterance.frame(self._spoken)
        self._spoken += 1
        if self._spoken * FRAME_BYTES >= len(self._utterance.audio):
            self._utterance = None
        self.ear.caller_did(at)
        return clean

    def _send_marks(self, now: float) -> None:
        for name in self._playout.due_marks(now):
            self._link.mark(self.messages.mark(name), now)

    def _played(self, pieces: list[tuple[float, bytes]]) -> None:
        for at, audio in pieces:
            self._line.agent_played(at, audio)
            if self.recording is not None:
                self.recording.agent.put(at, audio)

    def __repr__(self) -> str:
        return f"MediaStream({self.messages.stream_sid}, {self._frames} frames)"


def _base64(audio: bytes) -> str:
    return binascii.b2a_base64(audio, newline=False).decode()

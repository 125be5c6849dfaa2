from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from app.audio import g711
from app.audio.activity import Edge
from app.audio.echo import EchoGate
from app.call.hearing import Hearing
from app.call.listener import Listener
from app.call.tasks import Tasks
from app.clock import ManualClock
from providers.base import VoiceWindow, nobody_waits
from providers.scripted import ScriptedTranscriber

FRAME_S = 0.02
SPOKEN = g711.from_linear(b"\x00\x08\x00\xf8" * 80)
AGENT_LEVEL = 30_000


class SlowDetector:
    """A voice detector whose results come when the test says so; its own stream as well."""

    name = "slow"
    healthy = True

    def open(
        self, on_windows: Callable[[Sequence[VoiceWindow]], None], awaited: Callable[[], bool] = nobody_waits
    ) -> SlowDetector:
        self.tell, self.awaited = on_windows, awaited
        return self

    def push(self, audio: bytes) -> None:
        pass

    def close(self) -> None:
        pass

    async def warm_up(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class Reported:
    def __init__(self) -> None:
        self.edges: list[Edge] = []

    def edge(self, edge: Edge) -> None:
        self.edges.append(edge)

    def listened(self) -> None:
        pass

    decides = False


def listening(clock: ManualClock, echo: EchoGate) -> tuple[Listener, SlowDetector, Reported]:
    detector, reported = SlowDetector(), Reported()
    hearing, tasks = Hearing(ScriptedTranscriber([])), Tasks(asyncio.TaskGroup())
    return Listener(clock, detector, hearing, echo, reported, tasks), detector, reported


async def test_what_was_said_before_the_agent_began_is_no_echo_however_late_it_is_judged(
    clock: ManualClock,
) -> None:
    echo = EchoGate()
    listener, detector, reported = listening(clock, echo)
    for number in range(8):
        clock.advance(FRAME_S)
        if number >= 4:
            echo.played(clock.now(), AGENT_LEVEL)
        listener.hear(SPOKEN)
    detector.tell([VoiceWindow(0.9, 32.0, 10.0), VoiceWindow(0.9, 64.0, 10.0)])
    assert reported.edges == [Edge.ONSET]


async def test_what_comes_while_the_agent_speaks_is_echo_where_it_is_no_louder(clock: ManualClock) -> None:
    echo = EchoGate()
    listener, detector, reported = listening(clock, echo)
    for _ in range(8):
        clock.advance(FRAME_S)
        echo.played(clock.now(), AGENT_LEVEL)
        listener.hear(SPOKEN)
    detector.tell([VoiceWindow(0.9, 32.0 * number, 10.0) for number in range(1, 5)])
    assert reported.edges == []

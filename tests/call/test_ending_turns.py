"""How the end of a turn is found: by what is said of its intonation at once, and again after a while."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.audio import endpoint
from app.clock import ManualClock
from app.errors import Refused
from app.simulator.steps import BargeIn, Say
from providers.scripted import WINDOW_MS
from tests.call.relay import AskingDetector, events, running

WINDOWS_MS = 64


class Intonation:
    """An EndOfTurnDetector that says one after the other, and then that it cannot."""

    name = "scripted"
    healthy = True

    def __init__(self, *probabilities: float) -> None:
        self._left = list(probabilities)
        self.asked_ms: list[float] = []

    async def probability(self, audio: bytes) -> float:
        self.asked_ms.append(len(audio) / 8)
        if not self._left:
            raise Refused("scripted: nothing more to say")
        return self._left.pop(0)

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...


@pytest.mark.parametrize(
    ("probabilities", "ended_ms", "asked"),
    [
        ([0.999], endpoint.LIKELY_MS, 1),
        ([0.3, 0.999], endpoint.STILL_LIKELY_MS, 2),
        ([0.3, 0.01], endpoint.UNLIKELY_MS, 2),
        ([0.3], endpoint.UNLIKELY_MS, 2),
        ([], endpoint.UNLIKELY_MS, 1),
    ],
)
async def test_the_voice_is_listened_to_at_once_and_after_a_while(
    clock: ManualClock, tmp_path: Path, probabilities: list[float], ended_ms: float, asked: int
) -> None:
    ear = Intonation(*probabilities)
    async with running(clock, tmp_path, ["it costs too much"], end_of_turn=ear) as relay:
        placed = await relay.call("echo", [Say("it costs too much")])
    (turn,) = events(relay.journal(placed), "turn")
    assert turn["timeline"]["stages"]["endpoint"][1] == pytest.approx(ended_ms, abs=WINDOWS_MS)
    assert turn["timeline"].get("later_probability") == (probabilities[1] if probabilities[1:] else None)
    assert len(ear.asked_ms) == asked
    if asked == 2:
        apart_ms = ear.asked_ms[1] - ear.asked_ms[0]
        assert apart_ms == pytest.approx(endpoint.ASK_AGAIN_MS - WINDOWS_MS, abs=WINDOWS_MS)


async def test_an_answer_that_has_only_begun_is_not_listened_to_again(
    clock: ManualClock, tmp_path: Path
) -> None:
    ear = Intonation(0.3, 0.999)
    async with running(clock, tmp_path, ["four four"], end_of_turn=ear) as relay:
        placed = await relay.call("parcel", [Say("four four")])
    assert events(relay.journal(placed), "utterance")
    assert len(ear.asked_ms) == 1


async def test_a_turn_is_listened_to_without_the_one_before(clock: ManualClock, tmp_path: Path) -> None:
    ear = Intonation(0.999, 0.999)
    async with running(clock, tmp_path, ["it costs too much"] * 2, end_of_turn=ear) as relay:
        await relay.call("echo", [Say("it costs too much")] * 2)
    first_ms, second_ms = ear.asked_ms
    assert second_ms == pytest.approx(first_ms, abs=WINDOWS_MS)


@pytest.mark.parametrize(("after_ms", "taken_back"), [(100, True), (650, False)])
async def test_the_rest_of_a_turn_may_be_short(
    clock: ManualClock, tmp_path: Path, after_ms: int, taken_back: bool
) -> None:
    ear = Intonation(0.999, 0.999)
    async with running(clock, tmp_path, ["it costs too much", "for us"], end_of_turn=ear) as relay:
        placed = await relay.call("echo", [Say("it costs too much"), BargeIn(after_ms, "for us here")])
    journal = relay.journal(placed)
    assert bool(events(journal, "taken_back")) is taken_back
    turn = events(journal, "turn")[-1]
    assert turn["timeline"]["stages"]["endpoint"][1] == pytest.approx(endpoint.LIKELY_MS, abs=WINDOWS_MS)


async def test_a_courtesy_behind_a_turn_is_not_listened_to(clock: ManualClock, tmp_path: Path) -> None:
    ear = Intonation(0.999, 0.3, 0.3)
    async with running(clock, tmp_path, ["it costs too much", "please"], end_of_turn=ear) as relay:
        placed = await relay.call("echo", [Say("it costs too much"), BargeIn(100, "please")])
    turn = events(relay.journal(placed), "turn")[-1]
    assert turn["timeline"]["stages"]["endpoint"][1] == pytest.approx(endpoint.COMPLETE_MS, abs=WINDOWS_MS)


async def test_only_windows_that_may_decide_something_are_awaited(clock: ManualClock, tmp_path: Path) -> None:
    detector = AskingDetector()
    async with running(clock, tmp_path, ["it costs too much"], detector=detector) as relay:
        placed = await relay.call("echo", [Say("it costs too much")])
    (turn,) = events(relay.journal(placed), "turn")
    ended_ms = turn["timeline"]["stages"]["endpoint"][1]
    begins_and_pauses = re.fullmatch(r"\.+x\.+x(?P<pause>\.+x)\.+", detector.awaited)
    assert begins_and_pauses
    assert len(begins_and_pauses["pause"]) * WINDOW_MS == pytest.approx(ended_ms, abs=3 * WINDOW_MS)

"""Where a window is judged: with those of all calls on the thread, or at once on the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from queue import Empty

import numpy as np
import pytest

from providers import dsp
from providers.base import VoiceWindow, nobody_waits
from providers.local_onnx import INFERENCE_ERRORS
from providers.local_silero import SileroModel, SileroStates, as_windows
from providers.local_silero_graph import WINDOW
from providers.local_voice_detector import SileroVoiceDetector
from providers.local_voice_stream import CREDIT_S, LOOP_SHARE, PATIENCE_S, Dispatch, SileroStream
from providers.local_voice_thread import BATCH, HandOver, Result, Tally, VoiceThread, Window

SILENT_WINDOW = dsp.SILENCE * WINDOW
LOOP, THREAD = "MainThread", "voice-detector"


class Tracked:
    """A network that says where it was run, for how many windows; it takes `takes_s` and fails while told to."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, int]] = []
        self.takes_s = 0.0
        self.failing = False

    def infer(self, windows: dsp.Samples, states: SileroStates) -> tuple[dsp.Samples, SileroStates]:
        self.runs.append((threading.current_thread().name, len(windows)))
        time.sleep(self.takes_s)
        if self.failing:
            raise INFERENCE_ERRORS[0]("out of order")
        return np.zeros(len(windows), np.float32), states


class Told:
    """Windows as they are told."""

    def __init__(self) -> None:
        self.windows: list[VoiceWindow] = []

    def __call__(self, windows: Sequence[VoiceWindow]) -> None:
        self.windows.extend(windows)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.windows) < count:  # noqa: ASYNC110  some come from within `push`
                await asyncio.sleep(0.001)


class Idle(VoiceThread):
    """A thread that never takes anything."""

    def run(self) -> None:
        pass


def ignore(results: Sequence[Result]) -> None:
    pass


def idle_dispatch() -> tuple[Dispatch, VoiceThread]:
    thread = Idle(Tracked(), asyncio.get_running_loop(), ignore, Tally())
    return Dispatch(thread), thread


def handed_over(thread: VoiceThread) -> list[HandOver]:
    found = []
    try:
        while hand_over := thread.queue.get_nowait():
            found.append(hand_over)
    except Empty:
        pass
    return found


async def test_windows_of_all_calls_wait_for_each_other() -> None:
    dispatch, thread = idle_dispatch()
    streams = [SileroStream(dispatch, print, nobody_waits) for _ in range(3)]
    for stream in streams:
        stream.push(SILENT_WINDOW)
        await asyncio.sleep(PATIENCE_S / 4)
    assert handed_over(thread) == []
    await asyncio.sleep(PATIENCE_S / 2)
    assert [[stream for stream, _ in one.windows] for one in handed_over(thread)] == [streams]
    await asyncio.sleep(2 * PATIENCE_S)
    assert handed_over(thread) == []


async def test_a_full_batch_does_not_wait() -> None:
    dispatch, thread = idle_dispatch()
    for _ in range(BATCH + 1):
        SileroStream(dispatch, print, nobody_waits).push(SILENT_WINDOW)
    assert [len(one.windows) for one in handed_over(thread)] == [BATCH]
    await asyncio.sleep(2 * PATIENCE_S)
    assert [len(one.windows) for one in handed_over(thread)] == [1]


async def test_what_is_awaited_and_cannot_be_judged_at_once_waits_for_nobody() -> None:
    dispatch, thread = idle_dispatch()
    streams = [SileroStream(dispatch, print, nobody_waits), SileroStream(dispatch, print, lambda: True)]
    for stream in streams:
        stream.push(SILENT_WINDOW)
    assert [[stream for stream, _ in one.windows] for one in handed_over(thread)] == [streams]


async def test_a_calls_end_follows_its_last_window() -> None:
    dispatch, thread = idle_dispatch()
    call = SileroStream(dispatch, print, nobody_waits)
    call.push(SILENT_WINDOW)
    call.close()
    await asyncio.sleep(2 * PATIENCE_S)
    (hand_over,) = handed_over(thread)
    assert ([stream for stream, _ in hand_over.windows], hand_over.over) == ([call], [call])


@pytest.mark.real_time
async def test_wherever_windows_are_judged_they_are_judged_alike_and_in_order(speech: bytes) -> None:
    model, told, awaited = SileroModel(), Told(), False
    detector = SileroVoiceDetector(model)
    stream = detector.open(told, lambda: awaited)
    windows = [speech[at : at + WINDOW] for at in range(0, len(speech) - WINDOW + 1, WINDOW)][:60]
    for number, window in enumerate(windows):
        awaited = number % 7 in {3, 4, 6}
        stream.push(window)
        assert not awaited or number < 7 or len(told.windows) == number + 1
        await told.until(number + 1)
    states, alone = SileroStates.fresh(1), []
    for window in windows:
        (probability,), states = model.infer(as_windows([window]), states)
        alone.append(probability)
    assert [window.probability for window in told.windows] == pytest.approx(alone, abs=1e-5)
    assert [window.end_ms for window in told.windows] == [32.0 * n for n in range(1, 61)]
    await detector.aclose()


@pytest.mark.real_time
async def test_an_awaited_window_is_judged_on_the_loop_unless_the_call_waits_for_one_before() -> None:
    network, told, awaited = Tracked(), Told(), False
    detector = SileroVoiceDetector(network)
    stream = detector.open(told, lambda: awaited)
    stream.push(SILENT_WINDOW)
    await told.until(1)
    awaited = True
    stream.push(SILENT_WINDOW)
    assert len(told.windows) == 2
    awaited = False
    stream.push(SILENT_WINDOW)
    awaited = True
    stream.push(SILENT_WINDOW)
    assert len(told.windows) == 2
    await told.until(4)
    assert network.runs == [(THREAD, 1), (LOOP, 1), (THREAD, 1), (THREAD, 1)]
    await detector.aclose()


@pytest.mark.real_time
async def test_what_the_thread_has_judged_is_told_before_what_the_loop_judges() -> None:
    network, told, awaited = Tracked(), Told(), False
    detector = SileroVoiceDetector(network)
    stream = detector.open(told, lambda: awaited)
    stream.push(SILENT_WINDOW)
    for _ in range(BATCH - 1):
        detector.open(print).push(SILENT_WINDOW)
    stand_still_until_judged(detector)
    awaited = True
    stream.push(SILENT_WINDOW)
    await told.until(2)
    assert [window.end_ms for window in told.windows] == [32.0, 64.0]
    await detector.aclose()


def stand_still_until_judged(detector: SileroVoiceDetector) -> None:
    """The loop is told nothing meanwhile."""
    patience_ends = time.monotonic() + 10
    while detector.report()["voiceBatchP95Ms"] is None:
        assert time.monotonic() < patience_ends
        time.sleep(0.001)


@pytest.mark.real_time
async def test_the_loop_judges_nothing_whose_call_s_memory_is_of_another_moment() -> None:
    judged, stream = asyncio.Event(), SileroStream(idle_dispatch()[0], print, nobody_waits)
    thread = VoiceThread(Tracked(), asyncio.get_running_loop(), lambda results: judged.set(), Tally())
    assert thread.judge(stream, window(1)) is None
    thread.queue.put(HandOver([(stream, window(1))]))
    await judged.wait()
    assert thread.judge(stream, window(3)) is None
    assert thread.judge(stream, window(2)) == 0.0
    assert thread.judge(stream, window(2)) is None
    assert thread.judge(stream, window(3)) == 0.0
    thread.queue.put(None)
    await asyncio.to_thread(thread.join)


def window(number: int) -> Window:
    return Window(SILENT_WINDOW, 32.0 * number, 0.0)


@pytest.mark.real_time
async def test_a_call_that_ends_by_what_an_awaited_window_says_leaves_nothing_behind() -> None:
    network, told = Tracked(), Told()
    detector = SileroVoiceDetector(network)

    def over(windows: Sequence[VoiceWindow]) -> None:
        told(windows)
        if len(told.windows) == 2:
            stream.close()

    stream = detector.open(over, lambda: True)
    stream.push(SILENT_WINDOW)
    await told.until(1)
    stream.push(SILENT_WINDOW * (BATCH + 2))
    other = Told()
    detector.open(other).push(SILENT_WINDOW)
    await other.until(1)
    assert (len(told.windows), detector.open_rows) == (2, 1)
    await detector.aclose()


@pytest.mark.real_time
async def test_where_the_network_fails_on_the_loop_the_thread_takes_over(speech: bytes) -> None:
    network, told = Tracked(), Told()
    detector = SileroVoiceDetector(network)
    stream = detector.open(told, lambda: True)
    stream.push(SILENT_WINDOW)
    await told.until(1)
    network.failing = True
    stream.push(speech[8000 : 8000 + WINDOW])
    await told.until(2)
    assert told.windows[1].probability == 1.0
    network.failing = False
    for count in (3, 4):
        stream.push(SILENT_WINDOW)
        await told.until(count)
    where = [where for where, _ in network.runs]
    assert where == [THREAD, LOOP, THREAD, THREAD, LOOP]
    assert detector.healthy
    await detector.aclose()


@pytest.mark.real_time
async def test_the_loop_spends_no_more_than_its_share_on_windows() -> None:
    network, told = Tracked(), Told()
    detector = SileroVoiceDetector(network)
    stream = detector.open(told, lambda: True)
    stream.push(SILENT_WINDOW)
    await told.until(1)
    network.takes_s = 2 * CREDIT_S
    for count in (2, 3):
        stream.push(SILENT_WINDOW)
        await told.until(count)
    network.takes_s = 0.0
    await asyncio.sleep(2 * CREDIT_S / LOOP_SHARE)
    stream.push(SILENT_WINDOW)
    assert [where for where, _ in network.runs] == [THREAD, LOOP, THREAD, LOOP]
    await detector.aclose()

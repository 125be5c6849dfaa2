from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from app.errors import AssetError
from providers import dsp
from providers.base import VoiceWindow, nobody_waits
from providers.local_onnx import INFERENCE_ERRORS
from providers.local_silero import SileroModel, SileroRows, SileroStates, as_windows
from providers.local_silero_graph import WINDOW
from providers.local_voice_detector import (
    LEFT_BEHIND_MOST,
    STUCK_S,
    SileroVoiceDetector,
)
from providers.local_voice_stream import PATIENCE_S, WAITING_WINDOWS, Dispatch, SileroStream
from providers.local_voice_thread import DEADLINE_S, HandOver, Result, Tally, VoiceThread, Window


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel()


def cut(audio: bytes) -> list[bytes]:
    return [audio[start : start + WINDOW] for start in range(0, len(audio) - WINDOW + 1, WINDOW)]


def probabilities(model: SileroModel, calls: list[list[bytes]]) -> dsp.Samples:
    """Speech probabilities (windows, calls) of calls that go through together."""
    states, rows = SileroStates.fresh(len(calls)), []
    for windows in zip(*calls, strict=True):
        row, states = model.infer(as_windows(list(windows)), states)
        rows.append(row)
    return np.stack(rows)


def test_a_batch_gives_what_each_call_alone_would(model: SileroModel, speech: bytes) -> None:
    windows = cut(speech)[:60]
    calls = [windows, windows[::-1], cut(dsp.SILENCE * len(speech))[:60]]
    together = probabilities(model, calls)
    alone = np.concatenate([probabilities(model, [call]) for call in calls], axis=1)
    assert np.abs(together - alone).max() < 1e-5


def test_it_hears_speech_and_nothing_else(model: SileroModel, speech: bytes) -> None:
    noise = dsp.to_mulaw((0.02 * np.random.default_rng(3).standard_normal(16000)).astype(np.float32))
    assert probabilities(model, [cut(speech)]).max() > 0.9
    assert (probabilities(model, [cut(speech)]) > 0.5).mean() > 0.6
    assert probabilities(model, [cut(dsp.SILENCE * 16000)]).max() < 0.1
    assert probabilities(model, [cut(noise)]).max() < 0.3


def test_rows_are_handed_out_fresh_and_grow_by_doubling() -> None:
    rows = SileroRows()
    first = rows.take()
    ones = SileroStates(np.ones((2, 1, 128), np.float32), np.ones((1, 32), np.float32))
    rows.put([first], ones)
    taken = [rows.take() for _ in range(64)]
    assert (rows.capacity, rows.used) == (128, 65)
    assert len({first, *taken}) == 65
    assert rows.get([first]).hidden.all()
    rows.release(first)
    assert rows.take() == first
    assert not rows.get([first]).hidden.any()
    assert not rows.get([first]).context.any()


def test_rows_do_not_grow_while_they_are_used_from_outside() -> None:
    rows = SileroRows()
    for _ in range(64):
        rows.take()
    growing = threading.Thread(target=rows.take)
    with rows.lock:
        growing.start()
        growing.join(0.05)
        assert rows.capacity == 64
    growing.join(10)
    assert rows.capacity == 128


def test_without_its_file_it_says_what_to_do(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(AssetError, match=r"silero_vad\.onnx is missing .* run scripts/install"):
        SileroVoiceDetector()


class Collected:
    """Windows as they come, and a way to wait for a number of them."""

    def __init__(self) -> None:
        self.windows: list[VoiceWindow] = []
        self._more = asyncio.Event()

    def __call__(self, windows: Sequence[VoiceWindow]) -> None:
        self.windows.extend(windows)
        self._more.set()

    async def at_least(self, count: int) -> list[VoiceWindow]:
        async with asyncio.timeout(10):
            while len(self.windows) < count:
                self._more.clear()
                await self._more.wait()
        return self.windows


@pytest.mark.real_time
async def test_a_stream_gets_every_window_in_order(model: SileroModel, speech: bytes) -> None:
    detector, collected = SileroVoiceDetector(model), Collected()
    stream = detector.open(collected)
    for start in range(0, len(speech), 160):
        stream.push(speech[start : start + 160])
    windows = await collected.at_least(len(cut(speech)))
    assert [window.end_ms for window in windows] == [32.0 * (n + 1) for n in range(len(cut(speech)))]
    assert [window.probability for window in windows] == pytest.approx(
        probabilities(model, [cut(speech)])[:, 0], abs=1e-5
    )
    assert all(0 < window.waited_ms < 10_000 for window in windows)
    assert detector.healthy
    await detector.aclose()


class HeldNetwork:
    """Says of each window how loud it is, when it is let; `batches` are the numbers of windows."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.failing = False
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def infer(self, windows: dsp.Samples, states: SileroStates) -> tuple[dsp.Samples, SileroStates]:
        self.batches.append(len(windows))
        self.begun.set()
        self.go_on.wait(10)
        if self.failing:
            raise INFERENCE_ERRORS[0]("out of order")
        return np.abs(windows).max(axis=1), states


@pytest.mark.real_time
async def test_what_gathers_while_a_batch_runs_goes_in_fair_batches_of_at_most_64() -> None:
    network = HeldNetwork()
    detector, flood, others = SileroVoiceDetector(network), Collected(), [Collected() for _ in range(70)]
    first = detector.open(flood)
    first.push(dsp.SILENCE * WINDOW)
    await asyncio.to_thread(network.begun.wait)
    first.push(dsp.SILENCE * WINDOW * 5)
    for other in others:
        detector.open(other).push(dsp.SILENCE * WINDOW)
    await asyncio.sleep(2 * PATIENCE_S)
    network.go_on.set()
    await flood.at_least(6)
    assert network.batches == [1, 64, 8, 1, 1, 1]
    assert all(len(other.windows) == 1 for other in others)
    await detector.aclose()


class Judged:
    """What a VoiceThread hands back: whose window, and its number."""

    def __init__(self, count: int) -> None:
        self.windows: list[tuple[object, int]] = []
        self._count = count
        self._all = asyncio.Event()

    def __call__(self, results: Sequence[Result]) -> None:
        self.windows += [(stream, round(window.end_ms / 32)) for stream, window, _ in results]
        if len(self.windows) >= self._count:
            self._all.set()

    async def all(self) -> list[tuple[object, int]]:
        async with asyncio.timeout(10):
            await self._all.wait()
        return self.windows


def numbered(number: int) -> Window:
    return Window(dsp.SILENCE * WINDOW, 32.0 * number, 0.0)


@pytest.mark.real_time
async def test_a_call_s_windows_are_judged_in_order_and_none_before_those_of_others() -> None:
    network, judged = HeldNetwork(), Judged(7)
    thread = VoiceThread(network, asyncio.get_running_loop(), judged, Tally())
    dispatch = Dispatch(thread)
    held, one, two, *others = (SileroStream(dispatch, print, nobody_waits) for _ in range(5))
    thread.queue.put(HandOver([(held, numbered(1))]))
    await asyncio.to_thread(network.begun.wait)
    thread.queue.put(HandOver([(stream, numbered(1)) for stream in (one, *others)]))
    thread.queue.put(HandOver([(one, numbered(2)), (two, numbered(1)), (one, numbered(3))]))
    network.go_on.set()
    assert await judged.all() == [
        (held, 1),
        *((stream, 1) for stream in (one, *others, two)),
        (one, 2),
        (one, 3),
    ]
    thread.queue.put(None)
    await asyncio.to_thread(thread.join)


@pytest.mark.real_time
async def test_when_the_network_fails_loudness_decides_and_calls_go_on(speech: bytes) -> None:
    network, collected = HeldNetwork(), Collected()
    network.go_on.set()
    network.failing = True
    detector = SileroVoiceDetector(network)
    stream = detector.open(collected)
    stream.push(speech[8000 : 8000 + WINDOW] + dsp.SILENCE * WINDOW)
    assert [window.probability for window in await collected.at_least(2)] == [1.0, 0.0]
    assert (detector.failures, detector.healthy) == (2, False)
    network.failing = False
    stream.push(dsp.SILENCE * WINDOW)
    await collected.at_least(3)
    assert detector.healthy
    await detector.aclose()


class StuckNetwork(HeldNetwork):
    """Each batch of `stuck` is at its work until it is let; the others are quick, and sure that nobody speaks."""

    def __init__(self, *stuck: int) -> None:
        super().__init__()
        self._stuck = stuck

    def infer(self, windows: dsp.Samples, states: SileroStates) -> tuple[dsp.Samples, SileroStates]:
        if len(self.batches) in self._stuck:
            return super().infer(windows, states)
        self.batches.append(len(windows))
        return np.zeros(len(windows), np.float32), states


@pytest.mark.real_time
async def test_who_waits_for_longer_than_the_deadline_is_judged_by_loudness(speech: bytes) -> None:
    network, collected, loud = StuckNetwork(0), Collected(), speech[8000 : 8000 + WINDOW]
    detector = SileroVoiceDetector(network)
    stream = detector.open(collected)
    stream.push(loud * 2 + dsp.SILENCE * WINDOW)
    assert [window.probability for window in await collected.at_least(3)] == [1.0, 1.0, 0.0]
    assert all(DEADLINE_S * 1000 < window.waited_ms < STUCK_S * 1000 for window in collected.windows)
    network.go_on.set()
    await until_at_work(network, 3)
    stream.push(loud)
    assert [window.end_ms for window in await collected.at_least(4)] == [32.0, 64.0, 96.0, 128.0]
    assert collected.windows[3].probability == 0.0
    report = detector.report()
    assert (report["voiceLate"], report["voiceRestarts"], detector.healthy) == (1, 0, True)
    await detector.aclose()


async def until_at_work(network: HeldNetwork, batches: int) -> None:
    """Until so many batches have begun."""
    async with asyncio.timeout(10):
        while len(network.batches) < batches:  # noqa: ASYNC110  the thread sets no event
            await asyncio.sleep(0.001)


@pytest.mark.real_time
async def test_a_thread_that_is_stuck_is_followed_by_another(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.local_voice_detector.STUCK_S", 0.2)
    network, collected = StuckNetwork(1), Collected()
    detector = SileroVoiceDetector(network)
    stream = detector.open(collected)
    stream.push(dsp.SILENCE * WINDOW)
    await collected.at_least(1)
    stream.push(dsp.SILENCE * WINDOW * 2)
    await collected.at_least(3)
    async with asyncio.timeout(10):
        while not detector.report()["voiceRestarts"]:  # noqa: ASYNC110  a timer of its own sets no event
            await asyncio.sleep(0.01)
    stream.push(dsp.SILENCE * WINDOW)
    await collected.at_least(4)
    assert network.batches == [1, 1, 1]
    assert detector.healthy
    assert "has been at the same batch" in caplog.text
    network.go_on.set()
    stream.push(dsp.SILENCE * WINDOW)
    assert [window.end_ms for window in await collected.at_least(5)] == [32.0 * n for n in range(1, 6)]
    await detector.aclose()


@pytest.mark.real_time
async def test_how_a_thread_fares_that_was_left_behind_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.local_voice_detector.STUCK_S", 0.2)
    network, collected = StuckNetwork(0), Collected()
    detector = SileroVoiceDetector(network)
    stream = detector.open(collected)
    stuck = detector._thread
    stream.push(dsp.SILENCE * WINDOW)
    async with asyncio.timeout(10):
        while not detector.report()["voiceRestarts"]:  # noqa: ASYNC110  a timer of its own sets no event
            await asyncio.sleep(0.01)
    network.failing = True
    network.go_on.set()
    assert stuck
    await asyncio.to_thread(stuck.join, 10)
    assert (detector.failures, detector.healthy) == (0, True)
    await detector.aclose()


@pytest.mark.real_time
async def test_when_everybody_is_stuck_loudness_decides_until_one_comes_back(
    speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.local_voice_detector.STUCK_S", 0.1)
    network, collected = HeldNetwork(), Collected()
    detector = SileroVoiceDetector(network)
    stream = detector.open(collected)
    heard = 0
    async with asyncio.timeout(10):
        while detector.healthy or len(network.batches) <= LEFT_BEHIND_MOST:
            stream.push(speech[8000 : 8000 + WINDOW])
            heard += 1
            await collected.at_least(heard)
    assert {window.probability for window in collected.windows} == {1.0}
    assert detector.report()["voiceRestarts"] == LEFT_BEHIND_MOST
    network.go_on.set()
    await until_well(detector)
    batches = len(network.batches)
    stream.push(dsp.SILENCE * WINDOW)
    await collected.at_least(heard + 1)
    assert len(network.batches) == batches + 1
    await detector.aclose()


async def until_well(detector: SileroVoiceDetector) -> None:
    async with asyncio.timeout(10):
        while not detector.healthy:  # noqa: ASYNC110  a timer of its own sets no event
            await asyncio.sleep(0.01)


@pytest.mark.real_time
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_dies_is_followed_by_another() -> None:
    class Deadly(HeldNetwork):
        def infer(self, windows: dsp.Samples, states: SileroStates) -> tuple[dsp.Samples, SileroStates]:
            self.batches.append(len(windows))
            if len(self.batches) == 1:
                raise SystemExit
            return np.zeros(len(windows), np.float32), states

    detector, collected = SileroVoiceDetector(Deadly()), Collected()
    stream = detector.open(collected)
    for heard in (1, 2):
        stream.push(dsp.SILENCE * WINDOW)
        await collected.at_least(heard)
    assert (detector.report()["voiceRestarts"], detector.healthy) == (1, True)
    await detector.aclose()


@pytest.mark.real_time
async def test_closing_a_stream_frees_its_row_and_ends_its_callbacks() -> None:
    network, closed, still_open = HeldNetwork(), Collected(), Collected()
    detector = SileroVoiceDetector(network)
    first, second = detector.open(closed), detector.open(still_open)
    first.push(dsp.SILENCE * WINDOW * 3)
    second.push(dsp.SILENCE * WINDOW)
    await asyncio.to_thread(network.begun.wait)
    first.close()
    first.close()
    first.push(dsp.SILENCE * WINDOW)
    network.go_on.set()
    await still_open.at_least(1)
    second.push(dsp.SILENCE * WINDOW)
    await still_open.at_least(2)
    assert detector.open_rows == 1
    assert closed.windows == []
    await detector.aclose()


@pytest.mark.real_time
async def test_more_than_half_a_minute_behind_new_windows_are_dropped_and_counted() -> None:
    network, collected = HeldNetwork(), Collected()
    detector = SileroVoiceDetector(network)
    stream = detector.open(collected)
    stream.push(dsp.SILENCE * WINDOW * (WAITING_WINDOWS + 3))
    assert stream.dropped == 3
    network.go_on.set()
    await collected.at_least(WAITING_WINDOWS)
    stream.push(dsp.SILENCE * WINDOW)
    assert (await collected.at_least(WAITING_WINDOWS + 1))[-1].end_ms == 32.0 * (WAITING_WINDOWS + 4)
    await detector.aclose()


def broken(windows: Sequence[VoiceWindow]) -> None:
    raise LookupError("a defect in the code of one call")


@pytest.mark.real_time
async def test_one_calls_broken_callback_is_not_anothers() -> None:
    network, collected = HeldNetwork(), Collected()
    network.go_on.set()
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    detector = SileroVoiceDetector(network)
    detector.open(broken).push(dsp.SILENCE * WINDOW)
    detector.open(collected).push(dsp.SILENCE * WINDOW * 3)
    windows = await collected.at_least(3)
    await detector.aclose()
    assert [window.end_ms for window in windows] == [32.0, 64.0, 96.0]
    assert [type(failure) for failure in failures] == [LookupError]


@pytest.mark.real_time
async def test_closing_the_detector_ends_its_thread_and_may_be_repeated(model: SileroModel) -> None:
    detector = SileroVoiceDetector(model)
    await detector.warm_up()
    detector.open(print)
    await detector.aclose()
    await detector.aclose()
    assert not any(thread.name == "voice-detector" for thread in threading.enumerate())

from __future__ import annotations

import asyncio

import pytest

from app.clock import ManualClock
from app.errors import BrokenStream, TimedOut
from providers import dsp
from providers.base import Hypothesis, VoiceWindow
from providers.scripted import (
    Heard,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    hum,
)

FRAME = dsp.SILENCE * 160


async def test_utterances_are_understood_in_the_scripts_order_and_then_not_at_all() -> None:
    stream = await ScriptedTranscriber(["yes", "no"]).open("en", on_partial=print)
    texts = []
    for _ in range(3):
        stream.utterance_started()
        stream.push(FRAME)
        texts.append(await stream.finish())
    assert texts == [
        Hypothesis("yes", "en", True, 20.0, 0.9),
        Hypothesis("no", "en", True, 20.0, 0.9),
        Hypothesis("", "en", True, 20.0, None),
    ]


async def test_a_function_may_be_the_script() -> None:
    stream = await ScriptedTranscriber(lambda number: f"utterance {number}").open("en", on_partial=print)
    stream.utterance_started()
    stream.discard()
    stream.utterance_started()
    assert (await stream.finish()).text == "utterance 1"


async def test_partials_appear_at_their_times_and_not_after_the_end() -> None:
    heard = Heard("to Paris please", partials=((100, "to"), (200, "to Paris"), (900, "too late")))
    partials: list[Hypothesis] = []
    stream = await ScriptedTranscriber([heard]).open("en", on_partial=partials.append)
    stream.utterance_started()
    await asyncio.sleep(0.15)
    assert [partial.text for partial in partials] == ["to"]
    await asyncio.sleep(0.15)
    await stream.finish()
    await asyncio.sleep(1)
    assert [partial.text for partial in partials] == ["to", "to Paris"]
    assert not any(partial.final for partial in partials)


async def test_a_pause_gives_finish_a_head_start(clock: ManualClock) -> None:
    stream = await ScriptedTranscriber(["a", "b"], final_ms=200).open("en", on_partial=print)
    stream.utterance_started()
    await stream.finish()
    assert clock.now() == pytest.approx(0.2)
    stream.utterance_started()
    stream.utterance_paused()
    await asyncio.sleep(0.15)
    await stream.finish()
    assert clock.now() == pytest.approx(0.4)


async def test_a_scripted_error_is_raised() -> None:
    stream = await ScriptedTranscriber([Heard("", error=TimedOut("nothing came"))]).open(
        "en", on_partial=print
    )
    stream.utterance_started()
    with pytest.raises(TimedOut):
        await stream.finish()


async def test_closing_the_transcriber_closes_its_streams() -> None:
    transcriber = ScriptedTranscriber([])
    stream = await transcriber.open("en", on_partial=print)
    await transcriber.aclose()
    assert stream.closed


async def test_speech_lasts_as_long_as_its_text_and_is_always_the_same() -> None:
    text = "Good morning, how may I help you today?"
    assert len(hum(text)) / 8000 == pytest.approx(len(text) / 15, rel=0.1)
    assert hum(text) == hum(text)
    assert hum(text) != hum(text.upper())
    assert dsp.rms(hum(text)) > 0.05
    assert len(hum(text)) % 160 == 0


async def test_chunks_come_at_the_rate_that_was_asked_for(clock: ManualClock) -> None:
    synthesizer = ScriptedSynthesizer(first_ms=90, rate=2.0, chunk_ms=200)
    voice = synthesizer.voice("en")
    assert voice
    times, audio = [], b""
    async for chunk in synthesizer.synthesize("one two three four", voice):
        times.append(round(clock.now(), 3))
        audio += chunk
    assert audio == hum("one two three four")
    assert times[:3] == [0.09, 0.19, 0.29]
    assert list(synthesizer.spoken) == ["one two three four"]


async def test_a_synthesizer_can_break_in_the_middle() -> None:
    synthesizer = ScriptedSynthesizer(fail=BrokenStream("gone"), fail_after_chunks=2)
    voice = synthesizer.voice("en")
    assert voice
    chunks = synthesizer.synthesize("one two three four five", voice)
    assert await anext(chunks)
    assert await anext(chunks)
    with pytest.raises(BrokenStream):
        await anext(chunks)


def test_loud_windows_are_speech_and_stream_time_goes_by_the_audio() -> None:
    windows: list[VoiceWindow] = []
    stream = ScriptedVoiceDetector().open(windows.extend)
    for frame in (FRAME, FRAME, hum("hello")[160:320], hum("hello")[320:480]):
        stream.push(frame)
    assert [window.end_ms for window in windows] == [32.0, 64.0]
    assert [window.probability > 0.5 for window in windows] == [False, True]
    stream.close()
    stream.push(FRAME * 10)
    assert len(windows) == 2

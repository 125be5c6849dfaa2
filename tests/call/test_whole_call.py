from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.audio.endpoint import Pause, silence_needed_ms
from app.clock import ManualClock
from app.errors import Refused
from app.flow.engine import step
from app.simulator.caller import Patience
from app.simulator.faults import Faults
from app.simulator.line import LineModel
from app.simulator.steps import BargeIn, Press, Say, StaySilent, Step
from providers.base import Hypothesis, VoiceWindow, nobody_waits
from providers.scripted import (
    Heard,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedTranscriptionStream,
    ScriptedVoiceDetector,
    ScriptedVoiceStream,
)
from tests.call.relay import events, running


async def test_echo_repeats_what_it_understood(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning", "thank you"]) as relay:
        placed = await relay.call("echo", [Say("good morning"), Say("thank you")])
    journal = relay.journal(placed)
    assert placed.report.faults() == []
    assert [event["text"] for event in events(journal, "said")] == ["Go ahead.", "good morning", "thank you"]
    assert [event["text"] for event in events(journal, "heard")] == ["Go ahead.", "good morning", "thank you"]
    assert [event["text"] for event in events(journal, "utterance")] == ["good morning", "thank you"]
    assert journal[0]["event"] == "call_started"
    assert [(event["reason"]) for event in events(journal, "call_ended")] == ["hangup"]
    assert len(relay.relay.registry) == 0


async def test_every_turn_tells_where_its_time_went(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning"]) as relay:
        placed = await relay.call("echo", [Say("good morning")])
    (turn,) = events(relay.journal(placed), "turn")
    stages = turn["timeline"]["stages"]
    assert list(stages) == ["endpoint", "stt_final", "decide", "speech_first_byte", "first_frame_out"]
    assert stages["endpoint"][1] == pytest.approx(silence_needed_ms(Pause("good morning"), "en"), abs=40)
    assert turn["timeline"]["answer_ms"] == pytest.approx(placed.report.turns[0].answer_audio_ms, abs=60)


async def test_the_journal_counts_what_came_and_what_was_lost(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        good = await relay.call("echo", [StaySilent(2)])
        bad = await relay.call("echo", [StaySilent(2)], faults=Faults(drop=0.2))
    (whole,) = events(relay.journal(good), "stream_ended")
    assert (whole["frames"], whole["repaired"]) == (good.report.frames, {})
    (holed,) = events(relay.journal(bad), "stream_ended")
    assert holed["frames"] + holed["repaired"]["lost_audio"] == pytest.approx(bad.report.frames, abs=2)
    assert holed["repaired"]["lost_audio"] > 10


async def test_a_key_answers_a_menu_and_silences_it(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("greeting", [Press("2"), Press("3")])
    journal = relay.journal(placed)
    assert placed.report.ended == "server_hung_up"
    assert [event["digits"] for event in events(journal, "dtmf")] == ["2", "3"]
    assert [event["node"] for event in events(journal, "node_entered")][-3:] == [
        "location",
        "more",
        "goodbye",
    ]
    assert [event["reason"] for event in events(journal, "call_ended")] == ["goodbye"]


async def test_keys_typed_ahead_are_kept(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("greeting", [Press("23")])
    nodes = [event["node"] for event in events(relay.journal(placed), "node_entered")]
    assert nodes == ["welcome", "menu", "location", "more", "goodbye"]


async def test_the_last_words_are_heard_to_their_end(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["goodbye"]) as relay:
        placed = await relay.call("greeting", [Say("goodbye")])
    journal = relay.journal(placed)
    assert "oodbye" in events(journal, "heard")[-1]["text"]
    assert events(journal, "said")[-1]["text"] == events(journal, "heard")[-1]["text"]


async def test_speech_over_the_agent_interrupts_it(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["where are you"]) as relay:
        placed = await relay.call("greeting", [BargeIn(800, "where are you")])
    journal = relay.journal(placed)
    (cut,) = events(journal, "interrupted")
    assert cut["heard"].startswith("Hello, you have")
    assert cut["unheard"].endswith("Which would you like?")
    assert events(journal, "utterance")[0]["intent"] == "location"


@pytest.mark.parametrize("seed", range(3))
async def test_its_own_echo_and_noise_never_interrupt_the_agent(
    clock: ManualClock, tmp_path: Path, seed: int
) -> None:
    line = LineModel(noise_dbm0=-55.0, echo_db=-25.0, seed=seed)
    async with running(clock, tmp_path, ["one", "two"], threshold=0.003) as relay:
        placed = await relay.call("greeting", [StaySilent(20)], line=line)
    journal = relay.journal(placed)
    assert len(events(journal, "said")) >= 3
    assert events(journal, "interrupted") == []
    assert events(journal, "utterance") == []


async def test_silence_is_answered(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("greeting", [StaySilent(60)])
    journal = relay.journal(placed)
    assert [event["name"] for event in events(journal, "flow_event")][:2] == ["no_input", "no_input"]
    assert placed.report.ended == "server_hung_up"


async def test_what_cannot_be_understood_is_asked_again(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["", "goodbye"]) as relay:
        placed = await relay.call("greeting", [Say("mumble mumble"), Say("goodbye")])
    journal = relay.journal(placed)
    assert [event["name"] for event in events(journal, "flow_event")] == ["no_match"]
    said = [event["text"] for event in events(journal, "said")]
    assert said[2].startswith("Sorry")
    assert said[3].startswith("For our opening hours, press 1.")
    assert placed.report.ended == "server_hung_up"


async def test_a_transcriber_that_fails_does_not_end_the_call(clock: ManualClock, tmp_path: Path) -> None:
    script: list[str | Heard] = [Heard("lost", error=Refused("quota")), "goodbye"]
    async with running(clock, tmp_path, script) as relay:
        placed = await relay.call("greeting", [Say("mumble mumble"), Say("goodbye")])
    journal = relay.journal(placed)
    assert "quota" in events(journal, "error")[0]["text"]
    assert placed.report.ended == "server_hung_up"


async def test_a_voice_that_fails_does_not_end_the_call(clock: ManualClock, tmp_path: Path) -> None:
    broken = ScriptedSynthesizer(fail=Refused("quota"))
    async with running(clock, tmp_path, ["goodbye"], broken) as relay:
        placed = await relay.call("greeting", [StaySilent(1), Say("goodbye")])
    journal = relay.journal(placed)
    assert [event["reason"] for event in events(journal, "call_ended")] == ["goodbye"]


async def test_a_lost_connection_ends_the_call_once(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("echo", [StaySilent(5)], faults=Faults(lose_at_ms=2000))
        async with asyncio.timeout(2):
            await relay.relay.registry.all_ended()
    assert [event["event"] for event in relay.journal(placed)].count("call_ended") == 1


async def test_a_defect_ends_its_own_call_with_an_apology(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    words = "planted words of the caller"

    def broken(*given: object) -> None:
        raise ZeroDivisionError(words)

    monkeypatch.setattr("app.call.flow_run.step", broken)
    async with running(clock, tmp_path, ["good morning", "fine"]) as relay:
        bad = await relay.call("echo", [Say("good morning")])
        monkeypatch.setattr("app.call.flow_run.step", step)
        good = await relay.call("echo", [Say("fine")])
    assert events(relay.journal(bad), "error")[0]["text"] == "a defect: ZeroDivisionError"
    assert "ended by a defect: ZeroDivisionError" in caplog.text
    assert "planted" not in caplog.text
    assert [event["reason"] for event in events(relay.journal(bad), "call_ended")] == ["error"]
    assert good.report.faults() == []


class LaterDetector(ScriptedVoiceDetector):
    """Its results come on a turn of the loop that is no call's, as they do from a thread."""

    def open(
        self, on_windows: Callable[[Sequence[VoiceWindow]], None], awaited: Callable[[], bool] = nobody_waits
    ) -> ScriptedVoiceStream:
        def later(windows: Sequence[VoiceWindow]) -> None:
            asyncio.get_running_loop().call_soon(on_windows, windows)

        return super().open(later, awaited)


async def test_a_defect_that_a_voice_window_meets_ends_the_call_as_well(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("app.audio.activity.VoiceActivity.window", broken)
    async with running(clock, tmp_path, [], detector=LaterDetector()) as relay:
        placed = await relay.call("echo", [Say("good morning")])
    assert [event["text"] for event in events(relay.journal(placed), "error")] == [
        "a defect: ZeroDivisionError"
    ]
    assert [event["reason"] for event in events(relay.journal(placed), "call_ended")] == ["error"]


async def test_a_caller_who_goes_on_takes_the_answer_back(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning", "to you"]) as relay:
        placed = await relay.call("echo", [Say("good morning"), BargeIn(120, "to you")])
    journal = relay.journal(placed)
    said = [event["text"] for event in events(journal, "said")]
    assert said == ["Go ahead.", "good morning", "good morning to you"]
    assert len(events(journal, "taken_back")) == 1
    assert events(journal, "interrupted") == []
    assert [event["text"] for event in events(journal, "heard")] == ["Go ahead.", "good morning to you"]


async def test_a_noise_after_the_turn_leaves_its_words_standing(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning", ""]) as relay:
        placed = await relay.call("echo", [Say("good morning"), BargeIn(120, "ah")])
    said = [event["text"] for event in events(relay.journal(placed), "said")]
    assert said == ["Go ahead.", "good morning", "good morning"]


@pytest.mark.parametrize("murmur", ["mm-hm", "uh huh", "", "OK."])
async def test_a_listener_who_murmurs_does_not_interrupt(
    clock: ManualClock, tmp_path: Path, murmur: str
) -> None:
    async with running(clock, tmp_path, [murmur]) as relay:
        placed = await relay.call("greeting", [BargeIn(800, "mhmmm"), StaySilent(6)])
    journal = relay.journal(placed)
    assert events(journal, "interrupted") == []
    assert events(journal, "utterance") == []
    assert placed.report.gaps == []
    assert len(events(journal, "heard")) >= 2


async def test_one_word_that_answers_interrupts_at_once(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["goodbye"]) as relay:
        placed = await relay.call("greeting", [BargeIn(3500, "bye bye")])
    journal = relay.journal(placed)
    assert len(events(journal, "interrupted")) == 1
    assert events(journal, "node_entered")[-1]["node"] == "goodbye"


async def test_goodbye_is_heard_to_its_end_whatever_the_caller_says(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, ["goodbye", "hello hello"]) as relay:
        placed = await relay.call("greeting", [Say("goodbye"), BargeIn(700, "hello hello hello")])
    journal = relay.journal(placed)
    assert events(journal, "interrupted") == []
    assert events(journal, "said")[-1]["text"] == events(journal, "heard")[-1]["text"]
    assert placed.report.ended == "server_hung_up"


async def test_a_key_between_a_turn_and_its_going_on_is_kept(clock: ManualClock, tmp_path: Path) -> None:
    script = ["something else", "and more"]
    async with running(clock, tmp_path, script) as relay:
        placed = await relay.call("greeting", [Say("something else"), Press("2"), BargeIn(50, "and more")])
    nodes = [event["node"] for event in events(relay.journal(placed), "node_entered")]
    assert "location" in nodes


async def test_noises_do_not_postpone_the_question_for_ever(clock: ManualClock, tmp_path: Path) -> None:
    clicks: list[Step] = [step for _ in range(4) for step in (StaySilent(2), Say("i"))]
    async with running(clock, tmp_path, [""] * 20) as relay:
        placed = await relay.call("greeting", clicks, patience=Patience(answer_s=0.5))
    asked = [
        event["ms"] for event in events(relay.journal(placed), "flow_event") if event["name"] == "no_input"
    ]
    heard = [event["ms"] for event in events(relay.journal(placed), "heard")][1]
    assert asked[0] - heard == pytest.approx(6000, abs=500)


class DeafTranscriber(ScriptedTranscriber):
    """Never comes to a final."""

    async def open(self, *given: Any, **named: Any) -> ScriptedTranscriptionStream:
        stream = await super().open(*given, **named)

        async def never() -> Hypothesis:
            await asyncio.Event().wait()
            raise AssertionError("nothing sets it")

        stream.finish = never  # type: ignore[method-assign]
        return stream


async def test_a_final_that_never_comes_does_not_leave_the_caller_in_silence(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, [], transcriber=DeafTranscriber(["where are you"])) as relay:
        placed = await relay.call("greeting", [Say("where are you"), StaySilent(5)])
    journal = relay.journal(placed)
    assert "transcriber failed" in events(journal, "error")[0]["text"]
    assert placed.report.turns[0].any_audio_ms is not None
    assert placed.report.turns[0].any_audio_ms < 5000


async def test_a_voice_that_never_speaks_does_not_hold_up_the_call(
    clock: ManualClock, tmp_path: Path
) -> None:
    silent = ScriptedSynthesizer(first_ms=1e9)
    async with running(clock, tmp_path, [], silent, prerender=False) as relay:
        placed = await relay.call("greeting", [StaySilent(8), Press("3"), StaySilent(8)])
    journal = relay.journal(placed)
    assert "makes no speech" in events(journal, "error")[0]["text"]
    assert placed.report.ended == "server_hung_up"

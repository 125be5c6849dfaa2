"""What may interrupt what, as the flow says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.audio.activity import ONSET_MS
from app.audio.g711 import BYTES_PER_MS, SILENCE, to_linear
from app.audio.wav import header
from app.call import interrupting
from app.clock import ManualClock
from app.settings import Settings
from app.simulator.caller import Patience
from app.simulator.steps import BargeIn, PlayRecording, Press, Say, StaySilent, Step
from providers.base import Hypothesis, OutcomeChosen
from providers.scripted import Heard, ScriptedTranscriber, ScriptedTranscriptionStream, hum
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import AskingDetector, RunningRelay, events, running
from tests.call.services import flows_in

FLOW = """\
flow: ask
format: 1
languages: [en]
start: code
slots:
  code: {type: digits, min: 2, max: 6}
nodes:
  code:
    collect: code
    ask: Please tell me or type the number of your order now.
    %s
    next: done
  done: {hangup: Thank you.}
"""

MENU = """\
flow: choose
format: 1
languages: [en]
start: which
intents:
  book: {phrases: [book a table]}
nodes:
  which: {menu: "You can book a table, or ask for today's menu and prices.", choices: [{intent: book, goto: done}]}
  done: {hangup: Thank you.}
"""


class Fancier(ScriptedTranscriber):
    """Makes words of a sound while it lasts."""

    async def open(self, *given: Any, **named: Any) -> ScriptedTranscriptionStream:
        stream = await super().open(*given, **named)

        async def hypothesis() -> Hypothesis:
            return Hypothesis("of her", "en", final=False, audio_ms=0.0)

        stream.hypothesis = hypothesis  # type: ignore[method-assign]
        return stream


@asynccontextmanager
async def asking(
    clock: ManualClock, tmp_path: Path, line: str, script: Sequence[str]
) -> AsyncIterator[RunningRelay]:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "ask.yaml").write_text(FLOW % line)
    settings = Settings(flows_dir=flows, default_flow="ask")
    async with running(clock, tmp_path, script, settings=settings) as relay:
        yield relay


@pytest.mark.parametrize(
    ("barge_in", "step", "interrupts"),
    [
        ("any", BargeIn(800, "four four seven"), True),
        ("any", Press("447"), True),
        ("speech", BargeIn(800, "four four seven"), True),
        ("speech", Press("447"), False),
        ("dtmf", BargeIn(800, "four four seven"), False),
        ("dtmf", Press("447"), True),
        ("none", BargeIn(800, "four four seven"), False),
        ("none", Press("447"), False),
    ],
)
async def test_a_prompt_gives_way_to_what_it_says(
    clock: ManualClock, tmp_path: Path, barge_in: str, step: Step, interrupts: bool
) -> None:
    async with asking(clock, tmp_path, f"barge_in: {barge_in}", ["four four seven"]) as relay:
        placed = await relay.call("ask", [step], patience=Patience(monologue_s=0.8))
    assert bool(events(relay.journal(placed), "interrupted")) is interrupts


@pytest.mark.parametrize(("words", "interrupts"), [("four", False), ("four four seven", True)])
async def test_too_few_words_do_not_interrupt(
    clock: ManualClock, tmp_path: Path, words: str, interrupts: bool
) -> None:
    async with asking(clock, tmp_path, "min_words: 2", [words, "four four seven"]) as relay:
        placed = await relay.call("ask", [BargeIn(800, "a few words")])
    assert bool(events(relay.journal(placed), "interrupted")) is interrupts


@pytest.mark.parametrize("flow", [MENU, FLOW % "barge_in: any"])
@pytest.mark.parametrize(("sound", "interrupts"), [("hmhm", False), ("hm" * 6, True)])
async def test_words_made_of_a_short_sound_do_not_interrupt(
    clock: ManualClock, tmp_path: Path, flow: str, sound: str, interrupts: bool
) -> None:
    settings = flows_in(tmp_path, flow)
    async with running(clock, tmp_path, [], settings=settings, transcriber=Fancier([""])) as relay:
        placed = await relay.call(settings.default_flow, [BargeIn(800, sound)])
    assert bool(events(relay.journal(placed), "interrupted")) is interrupts


async def test_windows_over_the_agent_are_awaited_and_the_one_that_finds_them_over(
    clock: ManualClock, tmp_path: Path
) -> None:
    settings, detector = flows_in(tmp_path, MENU), AskingDetector()
    async with running(clock, tmp_path, ["mm-hm"], settings=settings, detector=detector) as relay:
        placed = await relay.call("choose", [BargeIn(800, "hmhm")])
    assert not events(relay.journal(placed), "interrupted")
    assert re.fullmatch(r"\.+x{3,}\.+x\.+", detector.awaited)


@pytest.mark.parametrize(("apart_ms", "interrupts"), [(200, True), (280, True), (400, False)])
async def test_what_is_said_over_the_agent_is_one_utterance_as_long_as_it_pauses_shortly(
    clock: ManualClock, tmp_path: Path, apart_ms: int, interrupts: bool
) -> None:
    said = to_linear((SILENCE * apart_ms * BYTES_PER_MS).join([hum("hm")] * 4))
    recording = tmp_path / "hold on.wav"
    recording.write_bytes(header(len(said)) + said)
    steps = [PlayRecording(recording)]
    settings, patience = flows_in(tmp_path, MENU), Patience(monologue_s=0.8)
    async with running(clock, tmp_path, [], settings=settings, transcriber=Fancier([""])) as relay:
        placed = await relay.call("choose", steps, patience=patience)
    assert bool(events(relay.journal(placed), "interrupted")) is interrupts


async def test_a_word_that_the_recogniser_repeats_may_be_the_answer(
    clock: ManualClock, tmp_path: Path
) -> None:
    flow = MENU.replace("book a table]", "stop please]")
    settings, steps = flows_in(tmp_path, flow), [BargeIn(800, "hmhm")]
    async with running(clock, tmp_path, ["Stop, stop, stop,"], settings=settings) as relay:
        placed = await relay.call("choose", steps)
    assert events(relay.journal(placed), "interrupted")


async def test_keys_are_taken_when_no_more_come(clock: ManualClock, tmp_path: Path) -> None:
    async with asking(clock, tmp_path, "barge_in: any", []) as relay:
        placed = await relay.call("ask", [Press("447")])
    (slot,) = events(relay.journal(placed), "slot")
    assert slot["value"] == "447"
    assert placed.report.turns[0].any_audio_ms is not None
    assert 1000 < placed.report.turns[0].any_audio_ms < 4000


@pytest.mark.parametrize(
    ("line", "understood", "after_ms"),
    [
        ("barge_in: any", "", interrupting.LONG_MS),
        ("barge_in: any", "mm-hm, okay", interrupting.SURELY_MEANT_MS),
        ("min_words: 2", "", interrupting.SURELY_MEANT_MS),
    ],
)
async def test_who_talks_on_over_the_agent_is_given_the_floor_without_a_word_understood(
    clock: ManualClock, tmp_path: Path, line: str, understood: str, after_ms: float
) -> None:
    async with asking(clock, tmp_path, line, [understood, "four four seven"]) as relay:
        placed = await relay.call(
            "ask", [BargeIn(500, "a rather long mumbling that nobody gets"), Say("447")]
        )
    (interrupted,) = events(relay.journal(placed), "interrupted")
    began_ms = placed.report.turns[0].began_s * 1000
    assert interrupted["ms"] - began_ms == pytest.approx(after_ms, abs=2 * ONSET_MS)


@pytest.mark.parametrize(("confidence", "interrupts"), [(0.4, False), (0.6, True)])
async def test_words_that_are_doubted_do_not_interrupt(
    clock: ManualClock, tmp_path: Path, confidence: float, interrupts: bool
) -> None:
    script = [Heard("pick up", confidence=confidence)]
    settings = flows_in(tmp_path, MENU)
    async with running(clock, tmp_path, script, settings=settings) as relay:
        placed = await relay.call("choose", [BargeIn(800, "hmhmhmh")])
    assert bool(events(relay.journal(placed), "interrupted")) is interrupts


NOTICE = """\
flow: shop
format: 1
languages: [en]
start: intro
intents: {hours: {phrases: [opening hours]}}
nodes:
  intro: {say: %s, next: notice}
  notice: {say: This call is recorded., barge_in: none, next: top}
  top: {menu: How can I help you today?, choices: [{intent: hours, press: 1, goto: bye}]}
  bye: {hangup: We open at nine. Goodbye.}
"""


@pytest.mark.parametrize("step", [BargeIn(300, "opening hours please"), Press("1")])
@pytest.mark.parametrize(
    "intro", ["Welcome to the shop.", "Welcome to the shop at the corner of the old market square."]
)
async def test_what_must_be_heard_is_heard_after_the_interruption_of_what_came_before(
    clock: ManualClock, tmp_path: Path, step: Step, intro: str
) -> None:
    settings = flows_in(tmp_path, NOTICE % intro)
    async with running(clock, tmp_path, ["opening hours"], settings=settings) as relay:
        placed = await relay.call("shop", [step, StaySilent(6)], patience=Patience(monologue_s=0.3))
    journal = relay.journal(placed)
    assert len(events(journal, "interrupted")) == 1
    heard = [event["text"] for event in events(journal, "heard")]
    assert heard == ["This call is recorded.", "We open at nine. Goodbye."]


async def test_words_that_lead_to_the_end_of_the_call_are_heard_with_it(
    clock: ManualClock, tmp_path: Path
) -> None:
    reply = "Your order has left the house this morning and it comes tomorrow."
    model = ScriptedModel([Reply(reply, [OutcomeChosen("done")])])
    flow = """\
flow: shop
format: 1
languages: [en]
start: talk
nodes:
  talk: {llm: Answer., outcomes: {done: bye}, failed: bye}
  bye: {hangup: Thank you for calling.}
"""
    steps: list[Step] = [BargeIn(1200, "one more thing please"), StaySilent(6)]
    settings = flows_in(tmp_path, flow)
    async with running(clock, tmp_path, ["one more thing"], settings=settings, model=model) as relay:
        placed = await relay.call("shop", steps)
    journal = relay.journal(placed)
    assert events(journal, "interrupted") == []
    heard = " ".join(event["text"] for event in events(journal, "heard"))
    assert heard == f"{reply} Thank you for calling."
    assert placed.report.ended == "server_hung_up"


async def test_what_a_recogniser_says_again_and_again_of_a_short_sound_is_no_interruption(
    clock: ManualClock, tmp_path: Path
) -> None:
    settings, steps = flows_in(tmp_path, MENU), [BargeIn(800, "hmhmhm")]
    async with running(clock, tmp_path, ["Of her. Of her. Of"], settings=settings) as relay:
        placed = await relay.call("choose", steps)
    assert events(relay.journal(placed), "interrupted") == []

"""What may be said next is ready before it is asked for, and calls teach what is likely."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from app.call.foresight import SWEEP_EVERY_S, Foresight
from app.call.learned import LearnedChances
from app.clock import ManualClock
from app.flow import Flow, load
from app.orchestrator.answer_cache import TTL_S as ANSWERS_TTL_S
from app.orchestrator.answer_cache import Answers
from app.orchestrator.preparing import Preparer
from app.orchestrator.speech_cache import TTL_S, SpeechCache
from app.orchestrator.threshold import AdaptiveThreshold
from app.settings import Settings
from app.simulator.steps import Press, StaySilent, Step
from providers.base import Voice
from providers.scripted import ScriptedSynthesizer
from tests.call.relay import FLOWS, RunningRelay, events, inline, running
from tests.simulator.calls import Placed

SLOW_MS = 400.0
FLOW = """\
flow: desk
format: 1
languages: [en]
start: ask
slots: {code: {type: digits, length: 4}, pin: {type: digits, length: 4, sensitive: true}}
nodes:
  ask: {collect: code, ask: Your code?, next: secret}
  secret: {collect: pin, ask: Your pin?, next: sure}
  sure: {confirm: "Thank you. The code is {{ code | digits }}. Shall I go on?", yes: done, no: ask}
  done: {say: "All done with {{ code | digits }}. The pin was {{ pin | digits }}. Goodbye.", hangup: true}
"""
CODE = "The code is one two three four."


def said(relay: RunningRelay, placed: Placed) -> dict[str, bool]:
    return {event["text"]: event["cached"] for event in events(relay.journal(placed), "said")}


def settings(tmp_path: Path, **changes: Any) -> Settings:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "desk.yaml").write_text(FLOW, "utf-8")
    return Settings(flows_dir=folder, default_flow="desk", **changes)


async def test_words_are_ready_as_soon_as_their_last_value_is_known(
    clock: ManualClock, tmp_path: Path
) -> None:
    synthesizer = ScriptedSynthesizer(first_ms=SLOW_MS)
    async with running(clock, tmp_path, [], synthesizer, settings=settings(tmp_path)) as relay:
        placed = await relay.call("desk", [Press("1234"), StaySilent(2), Press("9876"), StaySilent(2)])
        cache = relay.relay.speech_cache
        spoken = said(relay, placed)
        assert spoken["Your pin?"]
        assert spoken[f"Thank you. {CODE} Shall I go on?"]
        assert list(synthesizer.spoken).count(CODE) == 1
        assert cache.figures.recall == 1.0
        assert cache.figures.ahead_used == 1


async def test_nothing_sensitive_is_foreseen_or_kept(clock: ManualClock, tmp_path: Path) -> None:
    steps: list[Step] = [
        Press("1234"),
        StaySilent(2),
        Press("9876"),
        StaySilent(3),
        Press("1"),
        StaySilent(8),
    ]
    async with running(clock, tmp_path, [], settings=settings(tmp_path)) as relay:
        placed = await relay.call("desk", steps)
        assert any("•••" in event["text"] for event in events(relay.journal(placed), "said"))
        assert not any("nine eight" in text for text in relay.relay.speech_cache.texts)


async def test_without_the_cache_nothing_is_made_ahead(clock: ManualClock, tmp_path: Path) -> None:
    off = settings(tmp_path, performance_cache_enabled=False)
    async with running(clock, tmp_path, [], settings=off) as relay:
        placed = await relay.call("desk", [Press("1234"), StaySilent(2), Press("9876"), StaySilent(2)])
        assert not any(said(relay, placed).values())


async def test_the_booking_of_the_clinic_is_ready_as_far_as_it_can_be(
    clock: ManualClock, tmp_path: Path
) -> None:
    synthesizer = ScriptedSynthesizer(first_ms=SLOW_MS)
    shipped = Settings(flows_dir=FLOWS, default_flow="clinic")
    steps: list[Step] = [
        StaySilent(12),
        Press("1"),
        StaySilent(6),
        Press("0106"),
        StaySilent(12),
        Press("0930"),
        StaySilent(6),
    ]
    async with running(clock, tmp_path, [], synthesizer, settings=shipped) as relay:
        placed = await relay.call("clinic", [*steps, Press("02141985"), StaySilent(6)])
        late = [text for text, ready in said(relay, placed).items() if not ready]
    # the day is said in the very turn that names it; what is put again is too unlikely to be made ahead
    assert {text.split()[0] for text in late} <= {"On", "Please", "To"}


async def test_what_callers_said_goes_in_its_time_even_if_nobody_calls_any_more(
    clock: ManualClock, tmp_path: Path
) -> None:
    preparer, answers = Preparer(SpeechCache(10, clock=clock), ScriptedSynthesizer()), Answers(clock)
    learned = LearnedChances(tmp_path, clock, inline)
    foresight = Foresight(clock, preparer, learned, AdaptiveThreshold(0.8), 3, answers)
    preparer.cache.put(CODE, Voice("hum", "en"), b"x", kind="templated")
    answers.keep("context", "when do I have to come on monday", "At nine.", None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(foresight.run())
        await asyncio.sleep(TTL_S - 1)
        assert (len(preparer.cache), len(answers)) == (1, 1)
        await asyncio.sleep(SWEEP_EVERY_S + 2)
        assert (len(preparer.cache), len(answers)) == (0, 1)
        await asyncio.sleep(ANSWERS_TTL_S - TTL_S)
        assert len(answers) == 0
        running.cancel()


# what is learned


def flow_of(text: str) -> Flow:
    return load(text, "flows/desk.yaml")


async def test_chances_outlive_the_process_and_the_version(clock: ManualClock, tmp_path: Path) -> None:
    flow = flow_of(FLOW)
    first = LearnedChances(tmp_path, clock, inline)
    for _ in range(10):
        first.saw(flow, "sure", "done")
    await first.save()
    first.saw(flow, "sure", "ask")
    await first.save()
    second = LearnedChances(tmp_path, clock, inline)
    second.load(flow)
    assert second.of(flow).counts == {"sure": {"done": 10, "ask": 1}}
    renamed = flow_of(FLOW.replace("done", "finished") + "renamed: {done: finished}\n")
    second.load(renamed)
    assert second.of(renamed).counts["sure"]["finished"] == 10
    assert (tmp_path / "learned.sqlite3").stat().st_mode & 0o777 == 0o600


async def test_what_the_disk_does_not_take_is_saved_later(clock: ManualClock, tmp_path: Path) -> None:
    flow, blocked = flow_of(FLOW), tmp_path / "data"
    blocked.write_text("a file where the folder should be")
    learned = LearnedChances(blocked, clock, inline)
    learned.saw(flow, "sure", "done")
    await learned.save()
    blocked.unlink()
    await learned.save()
    again = LearnedChances(blocked, clock, inline)
    again.load(flow)
    assert again.of(flow).counts == {"sure": {"done": 1}}


async def test_a_call_teaches_its_ways(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, [], settings=settings(tmp_path)) as relay:
        await relay.call("desk", [Press("1234"), StaySilent(2), Press("9876"), StaySilent(2)])
    learned = LearnedChances(tmp_path, clock, inline)
    flow = flow_of(FLOW)
    learned.load(flow)
    assert learned.of(flow).counts["ask"] == {"secret": 1}

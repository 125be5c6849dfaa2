"""What a caller heard of signs and answers, as the recording of the call has it, against what the report says."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.audio.g711 import SILENCE
from app.call.journal import path_of
from app.clock import ManualClock
from app.ops.call_report import JournalEnrichment
from app.simulator.ear import Stretch
from app.simulator.steps import Press, Say, StaySilent, Step
from app.simulator.turns import CallReport, Turn
from providers.base import OutcomeChosen, Voice
from providers.scripted import ScriptedSynthesizer, hum
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import running
from tests.call.services import FakeServices, flows_in
from tests.simulator.calls import Placed

FLOW = """\
flow: desk
format: 1
languages: [en]
start: top
intents: {ask: {phrases: [a question]}, look: {phrases: [my order]}, own: {phrases: [my parcel]}}
nodes:
  top:
    menu: How can I help?
    choices: [{intent: ask, press: 1, goto: talk}, {intent: look, press: 2, goto: look}, {intent: own, goto: own}]
  talk: {llm: Answer., opening: With pleasure., outcomes: {done: bye}, failed: bye}
  look: {http: "GET https://api.example/free", timeout: 9s, ok: found, failed: bye}
  own: {http: "GET https://api.example/free", timeout: 9s, waiting: I am looking., ok: found, failed: bye}
  found: {say: Tomorrow it comes., next: bye}
  bye: {hangup: Goodbye.}
"""
FIRST_WORDS = {
    "a question": "Certainly we",
    "my order": "Tomorrow it",
    "my parcel": "Tomorrow it",
    "2": "Tomorrow it",
}


async def placed_call(
    clock: ManualClock,
    tmp_path: Path,
    step: Step,
    late_ms: int,
    voice: ScriptedSynthesizer | None = None,
    silent_s: float = 6,
) -> Placed:
    """A call whose answer takes so long; the report knows what the journal knows."""
    services = FakeServices(clock, {"/free": [{}]}, lambda path: late_ms / 1000)
    model = ScriptedModel(
        [Reply("Certainly we open at nine.", [OutcomeChosen("done")], first_ms=late_ms, gap_ms=20)]
    )
    words = step.text if isinstance(step, Say) else ""
    settings = flows_in(tmp_path, FLOW)
    async with running(
        clock, tmp_path, [words], voice, settings=settings, http=services, model=model
    ) as relay:
        return await relay.call("desk", [step, StaySilent(silent_s)])


def enriched(placed: Placed, tmp_path: Path) -> CallReport:
    JournalEnrichment(tmp_path).enrich(placed.report)
    return placed.report


def heard_ms(placed: Placed, turn: Turn, words: str) -> float:
    """From the end of the caller's act to when these words begin in what they heard."""
    assert placed.call.recording
    assert turn.t0_s is not None
    agent = placed.call.recording.agent
    audio = agent.between(agent.began_at, agent.began_at + agent.seconds)
    at = audio.find(hum(words))
    assert at > 0, f"nobody said {words!r}"
    return at / 8 - turn.t0_s * 1000


@pytest.mark.parametrize("late_ms", [350, 700, 1500, 3300])
@pytest.mark.parametrize("act", [Say("my order"), Say("my parcel"), Say("a question"), Press("2")], ids=str)
async def test_a_sign_is_no_answer(clock: ManualClock, tmp_path: Path, act: Step, late_ms: int) -> None:
    placed = await placed_call(clock, tmp_path, act, late_ms)
    turn = enriched(placed, tmp_path).turns[0]
    words = FIRST_WORDS[act.text if isinstance(act, Say) else act.digits]  # type: ignore[union-attr]
    assert turn.any_audio_ms is not None
    assert turn.answer_audio_ms is not None
    assert turn.answer_audio_ms == pytest.approx(heard_ms(placed, turn, words), abs=25)
    assert turn.answer_audio_ms > turn.any_audio_ms + 50
    assert turn.any_audio_ms < 900


class LateVoice(ScriptedSynthesizer):
    """Draws breath before the answer."""

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        if text.startswith("Tomorrow"):
            yield SILENCE * 1440
        async for chunk in super().synthesize(text, voice):
            yield chunk


@pytest.mark.parametrize("late_ms", [700, 900, 1100])
async def test_an_answer_that_begins_with_silence_right_behind_a_sign_is_told_when_it_is_audible(
    clock: ManualClock, tmp_path: Path, late_ms: int
) -> None:
    placed = await placed_call(clock, tmp_path, Say("my parcel"), late_ms, LateVoice())
    turn = enriched(placed, tmp_path).turns[0]
    assert turn.answer_audio_ms == pytest.approx(heard_ms(placed, turn, "Tomorrow it"), abs=25)


async def test_an_answer_that_comes_first_is_what_the_ear_says(clock: ManualClock, tmp_path: Path) -> None:
    placed = await placed_call(clock, tmp_path, Say("my order"), 20)
    by_ear = placed.report.turns[0].any_audio_ms
    turn = enriched(placed, tmp_path).turns[0]
    assert turn.answer_audio_ms == turn.any_audio_ms == by_ear
    assert by_ear == pytest.approx(heard_ms(placed, turn, "Tomorrow it"), abs=25)


async def test_a_sign_without_an_answer_answers_nothing(clock: ManualClock, tmp_path: Path) -> None:
    report = enriched(await placed_call(clock, tmp_path, Say("my order"), 8500, silent_s=2), tmp_path)
    assert report.turns[0].any_audio_ms is not None
    assert report.turns[0].answer_audio_ms is None
    assert "turn 1: no answer" in report.faults()


async def test_the_silence_between_a_sign_and_the_answer_is_no_gap(
    clock: ManualClock, tmp_path: Path
) -> None:
    placed = await placed_call(clock, tmp_path, Say("my order"), 1500)
    assert placed.report.gaps
    assert enriched(placed, tmp_path).gaps == []


async def test_a_stumble_inside_an_utterance_stays_one_and_is_told_on_the_calls_own_time(
    clock: ManualClock, tmp_path: Path
) -> None:
    clock.advance(5000.0)
    voice = ScriptedSynthesizer(chunk_ms=200, rate=0.6)
    placed = await placed_call(clock, tmp_path, Say("a question"), 20, voice)
    gaps = list(placed.report.gaps)
    assert gaps
    assert all(0 < gap.at < placed.report.seconds for gap in gaps)
    assert enriched(placed, tmp_path).gaps[:1] == gaps[:1]


async def test_a_reply_that_falters_between_two_sentences_stumbles(
    clock: ManualClock, tmp_path: Path
) -> None:
    settings = flows_in(tmp_path, FLOW)
    model = ScriptedModel([Reply("Certainly. Anything?", [OutcomeChosen("done")], gap_ms=800)])
    async with running(clock, tmp_path, ["a question"], settings=settings, model=model) as relay:
        placed = await relay.call("desk", [Say("a question"), StaySilent(6)])
    assert enriched(placed, tmp_path).gaps


def write_journal(
    data_dir: Path, report: CallReport, happened: Sequence[tuple[float, dict[str, object]]]
) -> None:
    lines = [
        {"at": (report.began_at + timedelta(seconds=at_s)).isoformat(), **event} for at_s, event in happened
    ]
    path = path_of(data_dir, report.call_sid)
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@pytest.mark.parametrize("clears_s", [[], [4.9]])
def test_an_answer_that_nobody_heard_did_not_come_with_the_next_turns(
    tmp_path: Path, clears_s: list[float]
) -> None:
    report = CallReport("CA" + "1" * 32, datetime(2026, 11, 13, 10, tzinfo=UTC), clears_s=clears_s)
    report.speech = [Stretch(2.0, 4.9), Stretch(7.0, 8.0)]
    report.turns = [Turn({"text": "a"}, 1.0, 1.5, answer_audio_ms=500.0)]
    if not clears_s:
        report.turns.append(Turn({"text": "b"}, 4.95, 5.5))
    happened: list[tuple[float, dict[str, object]]] = [
        (2.0, {"event": "said", "text": "One moment.", "node": "look", "bridging": True}),
        (4.7, {"event": "said", "text": "I found it.", "node": "found", "ahead_ms": 300}),
    ]
    write_journal(tmp_path, report, happened)
    JournalEnrichment(tmp_path).enrich(report)
    assert report.turns[0].answer_audio_ms is None


def test_the_journal_tells_an_answer_from_the_question_that_it_ran_together_with(tmp_path: Path) -> None:
    report = CallReport("CA" + "1" * 32, datetime(2026, 11, 13, 10, tzinfo=UTC))
    report.speech = [Stretch(0.2, 6.0), Stretch(13.0, 14.0)]
    report.turns = [Turn({"text": "yes"}, 3.0, 3.4, ran_together=True), Turn({"text": "no"}, 8.0, 8.4)]
    happened: list[tuple[float, dict[str, object]]] = [
        (0.2, {"event": "said", "text": "Are you well?", "node": "ask"}),
        (3.2, {"event": "said", "text": "Well?", "node": "ask"}),
        (3.5, {"event": "utterance", "text": "yes"}),
        (3.6, {"event": "said", "text": "One moment.", "node": "look", "bridging": True}),
        (4.4, {"event": "said", "text": "I found it.", "node": "found", "ahead_ms": 100}),
        (13.0, {"event": "said", "text": "Are you there?", "node": "found"}),
    ]
    write_journal(tmp_path, report, happened)
    JournalEnrichment(tmp_path).enrich(report)
    turn = report.turns[0]
    assert turn.any_audio_ms == pytest.approx(200, abs=2)
    assert turn.answer_audio_ms == pytest.approx(1100, abs=2)
    assert not turn.ran_together

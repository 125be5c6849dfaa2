"""Quality, measures and alerts, over records written by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.clock import ManualClock
from app.errors import BadCredentials
from app.ops.quality import ALARM_AFTER_S, QualityBook, TurnJudge
from app.orchestrator.failover import FailoverModel
from app.orchestrator.quality import TurnFacts
from app.simulator.steps import Say
from providers.scripted import ScriptedSynthesizer
from providers.scripted_model import ScriptedModel
from tests.call.relay import events, running

UTTERANCE = {"event": "utterance", "intent": None}


def turn(ms: float, answer_ms: float = 200.0) -> dict[str, Any]:
    return {"event": "turn", "ms": ms, "timeline": {"answer_ms": answer_ms}}


def judged(*lines: dict[str, Any]) -> list[TurnFacts]:
    judge = TurnJudge()
    facts = [judge.take(line) for line in (*lines, {"event": "call_ended"})]
    return [one for one in facts if one]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ({"event": "flow_event", "name": "no_match"}, {"understood": False}),
        ({"event": "flow_event", "name": "no_input"}, {}),
        ({"event": "error"}, {"steady": False}),
        ({"event": "failover", "role": "synthesizer", "taken": "b", "why": "died"}, {"steady": False}),
        ({"event": "failover", "role": "synthesizer", "taken": "a", "why": "back"}, {}),
        ({"event": "failover", "role": "model", "taken": "b", "why": "hedge"}, {}),
        ({"event": "failover", "role": "model", "taken": None, "why": "died"}, {"steady": False}),
        ({"event": "heard", "gap_ms": 80}, {"longest_gap_ms": 80}),
        ({"event": "interrupted", "ms": 1700}, {"cut_after_ms": 700}),
        ({"event": "taken_back", "ms": 1200}, {"cut_after_ms": 200}),
    ],
)
def test_what_makes_a_turn_worse(line: dict[str, Any], changed: dict[str, Any]) -> None:
    (facts,) = judged(UTTERANCE, turn(1000), line)
    expected = TurnFacts(200.0)
    for name, value in changed.items():
        setattr(expected, name, value)
    assert facts == expected


def test_who_asks_to_hear_it_again_has_not_understood() -> None:
    (facts,) = judged({"event": "utterance", "intent": "repeat"}, turn(1000))
    assert not facts.understood


def test_words_without_an_answer_count_only_where_something_failed() -> None:
    assert judged(UTTERANCE, UTTERANCE) == []
    assert judged(UTTERANCE, {"event": "error"}, UTTERANCE) == [TurnFacts(None, steady=False)]


def test_quality_is_of_the_last_five_minutes_and_by_flow(clock: ManualClock) -> None:
    book = QualityBook(clock, 300, 500, 0.85)
    assert (book.overall, book.by_flow) == (None, {})
    book.judge("clinic", TurnFacts(None, understood=False))
    clock.advance(301)
    book.judge("clinic", TurnFacts(200))
    book.judge("echo", TurnFacts(400))
    assert book.overall == 0.95
    assert book.by_flow == {"clinic": 1.0, "echo": 0.9}


def test_quality_alarms_after_five_minutes_below_the_threshold(clock: ManualClock) -> None:
    book = QualityBook(clock, 300, 500, 0.85)
    alarms: list[bool] = []
    for _ in range(int(ALARM_AFTER_S) + 1):
        book.judge("clinic", TurnFacts(None))
        alarms.append(book.alarm() is not None)
        clock.advance(1)
    assert alarms == [False] * int(ALARM_AFTER_S) + [True]
    for _ in range(6000):
        book.judge("clinic", TurnFacts(100))
    assert book.alarm() is None


async def test_a_gap_inside_an_utterance_makes_its_turn_worse(clock: ManualClock, tmp_path: Path) -> None:
    halting = ScriptedSynthesizer(rate=0.5, chunk_ms=200)
    async with running(clock, tmp_path, ["good morning to you all"], halting, prerender=False) as relay:
        placed = await relay.call("echo", [Say("good morning to you all")])
        quality = relay.relay.operations.book.as_json()["past"][0]["quality"]
    assert events(relay.journal(placed), "heard")[-1]["gap_ms"] == pytest.approx(200, abs=5)
    assert quality == 0.6  # neither in time nor whole


class Refusing(ScriptedModel):
    async def warm_up(self) -> None:
        raise BadCredentials("a: HTTP 401")


async def test_wrong_credentials_are_an_alert(
    clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = FailoverModel([Refusing(name="a"), ScriptedModel(name="b")], clock)
    async with running(clock, tmp_path, [], model=model) as relay:
        await asyncio.sleep(3)
        (alert,) = relay.relay.operations.state()["alerts"]
    assert (alert["name"], alert["since"]) == ("provider a/model", "2026-01-01T00:00:01Z")
    assert sum(message.startswith("alert: provider a/model") for message in caplog.messages) == 1


async def test_late_answers_take_measures_that_everybody_can_see(clock: ManualClock, tmp_path: Path) -> None:
    model = FailoverModel([ScriptedModel(name="a"), ScriptedModel(name="b")], clock, bigger=["a"])
    words = ["one more thing"] * 40
    async with running(clock, tmp_path, words, model=model) as relay:
        placed = await relay.call("echo", [Say("one more thing")] * 40)
        state = relay.relay.operations.state()
        figures = relay.relay.operations.figures
        assert figures.get_sample_value("callrelay_measure_in_force", {"measure": "short_answers"}) == 1
    adapted = events(relay.journal(placed), "adapted")
    assert [(one["way"], one["measure"]) for one in adapted][:2] == [
        ("down", "short_answers"),
        ("down", "small_model"),
    ]
    assert state["economy"]["steps"][0]["measure"] == "short_answers"
    assert [one.name for one in model.serving("en")] == ["b", "a"]

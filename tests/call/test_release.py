"""What is left of a call once it is over: nothing, not even for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.call.services import Speech
from app.clock import ManualClock
from app.errors import BrokenStream
from app.orchestrator.failover import FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.simulator.steps import BargeIn, Press, Say, StaySilent, Step
from providers.base import (
    EndOfTurnDetector,
    ModelRequest,
    SimilarityModel,
    Synthesizer,
    Transcriber,
    VoiceDetector,
)
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import RunningRelay, running
from tests.call.services import FakeServices, flows_in
from tests.call.test_interrupting import FLOW as KEYS
from tests.call.test_models import LONG, desk
from tests.call.test_services import DESK


async def left_by(relay: RunningRelay, flow: str, steps: Sequence[Step]) -> set[str]:
    """What the second of two calls leaves to the garbage collector."""
    await relay.call(flow, steps)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await relay.call(flow, steps)
        gc.collect()
        return {type(found).__qualname__ for found in gc.garbage if _is_ours(found)}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def _is_ours(found: object) -> bool:
    return type(found).__module__.startswith(
        ("app.call", "app.web", "app.flow", "app.orchestrator", "providers", "app.errors")
    )


async def test_an_ended_call_leaves_no_cycles(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["one", "two"]) as relay:
        assert await left_by(relay, "echo", [Say("one"), Say("two")]) == set()


async def test_nor_does_one_on_chains_of_engines(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chained(
        detector: VoiceDetector,
        transcriber: Transcriber,
        synthesizer: Synthesizer,
        end_of_turn: EndOfTurnDetector | None,
        similarity: SimilarityModel | None,
    ) -> Speech:
        standby = ScriptedTranscriber(lambda number: "one", name="standby")
        return Speech(
            detector,
            FailoverTranscriber([transcriber, standby], clock),
            FailoverSynthesizer([synthesizer, ScriptedSynthesizer(name="next")], clock),
            end_of_turn,
            similarity,
        )

    monkeypatch.setattr("tests.call.relay.Speech", chained)
    async with running(clock, tmp_path, lambda number: "one two three") as relay:
        assert await left_by(relay, "echo", [Say("one"), Say("two")]) == set()


@pytest.mark.parametrize("silent_s", [0.5, 1.0, 8.0])
async def test_nor_does_one_that_asks_a_service(clock: ManualClock, tmp_path: Path, silent_s: float) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 3.0 if silent_s > 3 else 9.0)
    settings = flows_in(tmp_path, DESK)
    async with running(clock, tmp_path, lambda n: "yes", settings=settings, http=services) as relay:
        assert await left_by(relay, "desk", [Say("yes"), StaySilent(silent_s)]) == set()


def _broken(request: ModelRequest) -> Reply:
    return Reply(LONG, gap_ms=50, fault=BrokenStream("first: gone"), fault_at=8)


def _whole(request: ModelRequest) -> Reply:
    return Reply(LONG[len(request.begun) :], gap_ms=50)


HEARD_OUT: list[Step] = [Say("a question"), StaySilent(8)]


@pytest.mark.parametrize("first", [_whole, _broken])
async def test_nor_does_one_that_asks_a_chain_of_models(
    clock: ManualClock, tmp_path: Path, first: Callable[[ModelRequest], Reply]
) -> None:
    models = [ScriptedModel(first, name="first"), ScriptedModel(_whole, name="second")]
    model = FailoverModel(models, clock)
    async with running(
        clock, tmp_path, lambda number: "a question", settings=desk(tmp_path), model=model
    ) as relay:
        assert await left_by(relay, "desk", HEARD_OUT) == set()


async def test_nor_does_one_that_ends_between_two_keys(clock: ManualClock, tmp_path: Path) -> None:
    settings = flows_in(tmp_path, KEYS % "barge_in: any")
    async with running(clock, tmp_path, [], settings=settings) as relay:
        assert await left_by(relay, "ask", [Press("4"), StaySilent(0.2)]) == set()


async def test_nor_does_one_that_ends_in_a_models_words(clock: ManualClock, tmp_path: Path) -> None:
    model = ScriptedModel(lambda request: Reply(LONG, gap_ms=300))
    async with running(
        clock, tmp_path, lambda number: "a question", settings=desk(tmp_path), model=model
    ) as relay:
        assert await left_by(relay, "desk", [Say("a question"), StaySilent(0.5)]) == set()


async def test_nor_does_one_whose_caller_interrupts_a_models_words(
    clock: ManualClock, tmp_path: Path
) -> None:
    model = ScriptedModel(lambda request: Reply(LONG, gap_ms=300))
    steps: list[Step] = [Say("a question"), BargeIn(600, "another question for you"), StaySilent(0.5)]
    async with running(
        clock, tmp_path, lambda number: "another question for you", settings=desk(tmp_path), model=model
    ) as relay:
        assert await left_by(relay, "desk", steps) == set()

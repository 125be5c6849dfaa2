"""What is left of a call once it is over: nothing, not even for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from app.clock import ManualClock
from app.simulator.steps import Press, Say, StaySilent, Step
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import running
from tests.call.services import flows_in
from tests.call.test_interrupting import FLOW as KEYS
from tests.call.test_models import LONG, desk


@pytest.mark.parametrize(
    ("flow", "steps"),
    [
        ("echo", [Say("one"), Say("two")]),
        ("ask", [Press("4"), StaySilent(0.2)]),
        ("model", [Say("a question"), StaySilent(0.5)]),
    ],
)
async def test_an_ended_call_leaves_no_cycles(
    clock: ManualClock, tmp_path: Path, flow: str, steps: list[Step]
) -> None:
    settings = {
        "echo": lambda: None,
        "ask": lambda: flows_in(tmp_path, KEYS % "barge_in: any"),
        "model": lambda: desk(tmp_path),
    }[flow]()
    model = ScriptedModel(lambda request: Reply(LONG, gap_ms=300))

    async def call() -> None:
        name = "desk" if flow == "model" else flow
        await relay.call(name, steps)
        await asyncio.sleep(10)

    async with running(clock, tmp_path, lambda n: "a question", settings=settings, model=model) as relay:
        await call()
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await call()
            gc.collect()
            left = {type(found).__qualname__ for found in gc.garbage if _is_ours(found)}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert left == set()


def _is_ours(found: object) -> bool:
    return type(found).__module__.startswith(("app.call", "app.web", "app.flow", "providers"))

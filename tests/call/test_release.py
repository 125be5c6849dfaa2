"""What is left of a call once it is over: nothing, not even for the garbage collector."""

from __future__ import annotations

import gc
from pathlib import Path

from app.clock import ManualClock
from app.simulator.steps import Say
from tests.call.relay import running


async def test_an_ended_call_leaves_no_cycles(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["one", "two", "three", "four"]) as relay:
        await relay.call("echo", [Say("one"), Say("two")])
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await relay.call("echo", [Say("three"), Say("four")])
            gc.collect()
            left = {type(found).__qualname__ for found in gc.garbage if _is_ours(found)}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert left == set()


def _is_ours(found: object) -> bool:
    return type(found).__module__.startswith(("app.call", "app.web", "app.flow", "providers"))

"""Coroutine tests run in virtual time, unless marked `real_time`; a test that leaks a task fails."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest

from app.clock import ManualClock, run_virtual


@pytest.fixture
def clock() -> ManualClock:
    """The clock that virtual time runs on."""
    return ManualClock()


def _is_finaliser(task: asyncio.Task[Any]) -> bool:
    """Is it the loop's own, which ends generators? HTTP clients leave those of a stream left early to the loop."""
    return type(task.get_coro()).__name__ == "async_generator_athrow"


async def _without_leaks(test: Coroutine[Any, Any, None], real_time: bool) -> None:
    await test
    await asyncio.sleep(0)
    leaked = asyncio.all_tasks() - {asyncio.current_task()}
    if real_time:
        leaked = {task for task in leaked if not _is_finaliser(task)}
    assert not leaked, f"tasks left behind: {leaked}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    real_time = pyfuncitem.get_closest_marker("real_time") is not None
    test = _without_leaks(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}), real_time)
    if real_time:
        asyncio.run(test)
    else:
        clock = pyfuncitem.funcargs.get("clock")
        run_virtual(test, clock if isinstance(clock, ManualClock) else ManualClock())
    return True

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from app.call.tasks import Tasks
from app.clock import ManualClock


async def failing() -> None:
    raise ZeroDivisionError


def broken(calls: list[str]) -> None:
    calls.append("called")
    raise ZeroDivisionError


async def call_twice(calls: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        guarded = Tasks(group).guarded(broken)
        guarded(calls)
        guarded(calls)
        await asyncio.Event().wait()


async def call_when_a_task_has_failed(calls: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        guarded = tasks.guarded(broken)
        tasks.create(failing())
        try:
            await asyncio.Event().wait()
        finally:
            guarded(calls)


async def test_a_guarded_callback_that_fails_ends_all_tasks_and_is_not_called_again() -> None:
    calls: list[str] = []
    with pytest.raises(ExceptionGroup) as failed:
        await call_twice(calls)
    assert [type(error) for error in failed.value.exceptions] == [ZeroDivisionError]
    assert calls == ["called"]


async def test_a_guarded_callback_is_not_called_once_a_task_failed() -> None:
    """The group begins no task any more, not even one that says what went wrong."""
    calls: list[str] = []
    with pytest.raises(ExceptionGroup):
        await call_when_a_task_has_failed(calls)
    assert calls == []


async def told_when_its_time_is_up(told: list[str]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.Event().wait()
    told.append("went on")
    await asyncio.Event().wait()


async def test_who_has_just_run_out_of_time_ends_too(clock: ManualClock) -> None:
    """A limit that is over cancels its task and takes that back: whoever took it for the end would wait for ever."""
    told: list[str] = []
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        task = tasks.create(told_when_its_time_is_up(told))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(1, tasks.cancel)
        await asyncio.sleep(2)
    assert task.cancelled()
    assert told == []

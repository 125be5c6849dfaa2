from __future__ import annotations

import asyncio

import pytest

from app.call.tasks import Tasks


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

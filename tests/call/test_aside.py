from __future__ import annotations

import threading

import pytest

from app.call.aside import aside_threads


def aside_names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("aside")]


@pytest.mark.real_time
async def test_all_threads_begin_at_once_and_work_is_done_on_them() -> None:
    done_by: list[str] = []

    def work() -> bool:
        done_by.append(threading.current_thread().name)
        return True

    with aside_threads(3) as aside:
        begun = aside_names()
        assert len(begun) == 3
        assert await aside(work)
        assert done_by[0] in begun
        assert aside_names() == begun
    assert aside_names() == []

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from app.clock import ManualClock
from app.errors import Overloaded
from app.web.tokens import LIFETIME_S, StreamTokens


@pytest.fixture
def tokens(tmp_path: Path, clock: ManualClock) -> Iterator[StreamTokens]:
    tokens = StreamTokens(tmp_path, clock)
    yield tokens
    tokens.close()


@pytest.fixture
def other_worker(tmp_path: Path, clock: ManualClock, tokens: StreamTokens) -> Iterator[StreamTokens]:
    other = StreamTokens(tmp_path, clock)
    yield other
    other.close()


@pytest.fixture
def locked(tmp_path: Path, tokens: StreamTokens) -> Iterator[None]:
    """Another process is in the middle of writing."""
    database = sqlite3.connect(tmp_path / "state.sqlite3", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    yield
    database.close()


def kept(tmp_path: Path) -> int:
    database = sqlite3.connect(tmp_path / "state.sqlite3")
    count: int = database.execute("SELECT count(*) FROM stream_tokens").fetchone()[0]
    database.close()
    return count


def test_a_token_opens_one_stream_of_its_call(tokens: StreamTokens) -> None:
    token = tokens.mint("CA1")
    assert tokens.consume(token, "CA1")
    assert not tokens.consume(token, "CA1")


@pytest.mark.parametrize("token", ["", "x", "\ud800", "' OR 1=1 --"])
def test_what_is_no_token_opens_nothing(tokens: StreamTokens, token: str) -> None:
    tokens.mint("CA1")
    assert not tokens.consume(token, "CA1")


def test_a_token_of_another_call_is_spent_for_nothing(tokens: StreamTokens) -> None:
    token = tokens.mint("CA1")
    assert not tokens.consume(token, "CA2")
    assert not tokens.consume(token, "CA1")


def test_a_call_may_have_several_tokens(tokens: StreamTokens) -> None:
    first, second = tokens.mint("CA1"), tokens.mint("CA1")
    assert first != second
    assert tokens.consume(second, "CA1")
    assert tokens.consume(first, "CA1")


@pytest.mark.parametrize(
    ("age_s", "good"), [(0, True), (LIFETIME_S - 0.01, True), (LIFETIME_S, False), (3600, False)]
)
def test_a_token_lives_a_minute(tokens: StreamTokens, clock: ManualClock, age_s: float, good: bool) -> None:
    clock.advance(0.1)
    token = tokens.mint("CA1")
    clock.advance(age_s)
    assert tokens.consume(token, "CA1") is good


def test_a_token_of_before_a_reboot_is_refused(
    tmp_path: Path, tokens: StreamTokens, clock: ManualClock
) -> None:
    clock.advance(1000)
    token = tokens.mint("CA1")
    rebooted = StreamTokens(tmp_path, ManualClock())
    rebooted.mint("CA2")
    assert kept(tmp_path) == 1
    assert not rebooted.consume(token, "CA1")
    rebooted.close()


def test_expired_tokens_are_thrown_away(tmp_path: Path, tokens: StreamTokens, clock: ManualClock) -> None:
    for number in range(10):
        tokens.mint(f"CA{number}")
    clock.advance(LIFETIME_S + 1)
    tokens.mint("CA1")
    assert kept(tmp_path) == 1


def test_workers_share_tokens(tokens: StreamTokens, other_worker: StreamTokens) -> None:
    token = tokens.mint("CA1")
    assert other_worker.consume(token, "CA1")
    assert not tokens.consume(token, "CA1")


def test_of_many_that_try_at_once_one_succeeds(
    tmp_path: Path, clock: ManualClock, tokens: StreamTokens
) -> None:
    with ExitStack() as opened, ThreadPoolExecutor(8) as pool:
        workers = [opened.enter_context(closing(StreamTokens(tmp_path, clock))) for _ in range(8)]
        for _ in range(20):
            token = tokens.mint("CA1")
            tries = [pool.submit(worker.consume, token, "CA1") for worker in workers]
            assert sum(attempt.result() for attempt in tries) == 1


def test_the_file_does_not_tell_a_token(tmp_path: Path, tokens: StreamTokens) -> None:
    token = tokens.mint("CA1").encode()
    files = list(tmp_path.iterdir())
    assert len(files) >= 2
    assert not any(token in file.read_bytes() for file in files)


@pytest.mark.usefixtures("locked")
def test_a_locked_file_lets_nobody_in_and_holds_nobody_up(tokens: StreamTokens) -> None:
    started = time.monotonic()
    with pytest.raises(Overloaded, match=r"state\.sqlite3: no stream token can be kept: database is locked"):
        tokens.mint("CA1")
    assert not tokens.consume("x", "CA1")
    assert time.monotonic() - started < 1.0


def test_a_lost_file_lets_nobody_in(tokens: StreamTokens) -> None:
    token = tokens.mint("CA1")
    tokens.close()
    assert not tokens.consume(token, "CA1")
    with pytest.raises(Overloaded):
        tokens.mint("CA1")

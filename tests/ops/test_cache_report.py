"""`callrelay cache`, from a real call to the lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.clock import ManualClock
from app.ops.cache_report import cache_lines
from app.simulator.steps import Press, StaySilent
from providers.scripted import ScriptedSynthesizer
from tests.call.relay import URL, running
from tests.call.test_foresight import SLOW_MS, settings


async def test_it_tells_what_was_there_what_was_missed_and_why(clock: ManualClock, tmp_path: Path) -> None:
    voice = ScriptedSynthesizer(first_ms=SLOW_MS)
    async with running(clock, tmp_path, [], voice, settings=settings(tmp_path)) as relay:
        await relay.call("desk", [Press("1234"), StaySilent(2), Press("9876"), StaySilent(12)])
        answer = await relay.carriage.request("GET", f"{URL}/cache", (), {})
        health = await relay.carriage.request("GET", f"{URL}/health", (), {})
    report = json.loads(answer.body)
    assert report["entries"] == sum(report["entries_by_kind"].values())
    assert report["by_kind"]["static"]["misses"] == 0
    assert report["by_kind"]["templated"]["hits"] >= 3
    assert (report["prepared"], report["prepared_used"]) == (1, 1)
    assert report["saved_ms"] >= SLOW_MS
    assert json.loads(health.body)["performance"]["cacheHitRate"] == pytest.approx(
        report["hit_rate"], abs=0.001
    )
    assert not any("one two three four" in entry["text"] for entry in report["content"])
    lines = "\n".join(cache_lines(report))
    assert "(precision 100%)" in lines
    assert "shared level: none; set REDIS_URL" in lines


def test_where_no_server_is_it_says_so_and_what_to_do() -> None:
    done = CliRunner().invoke(cli, ["cache", "--url", "http://127.0.0.1:1"])
    assert "no server answers" in str(done.exception)
    assert "give --url" in str(done.exception)

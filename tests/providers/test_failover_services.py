"""Failover over the real SDKs: each of them fails at every chunk, and another goes on.

That whatever makes no sense breaks a stream like a cut connection, test_model_services shows; the bench `failover`
puts both together and measures.
"""

from __future__ import annotations

import asyncio

import pytest

from app.clock import SystemClock
from app.orchestrator import failover
from app.orchestrator.failover import FailoverModel
from providers.scripted_model import ScriptedModel
from tests.providers.fakes.fault_sweep import SENTENCE, STATUSES, UNREACHABLE, WORDS, chunk_indexes, heard
from tests.providers.fakes.model_service import Answer, serving_elsewhere
from tests.providers.loopback import Delay, taken
from tests.providers.model_subjects import REQUEST, SDKS, model_of, said

pytestmark = pytest.mark.real_time
AT_ONCE = 8


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("row", [*STATUSES, *UNREACHABLE, "slow first token", "die", "stall", "bad json"])
async def test_nothing_is_lost_and_nothing_said_twice_at_any_chunk(row: str, sdk: str) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(at: int) -> str:
        async with gate:
            return (await heard(row, sdk, at)).said

    replies = await asyncio.gather(*(one(at) for at in chunk_indexes(row, sdk)))
    assert set(replies) == {SENTENCE}


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("delay", ["busy", "slow"])
async def test_a_model_is_not_left_for_our_own_delay(
    sdk: str, delay: Delay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends every 30 ms, and 100 ms of silence would be a stall."""
    monkeypatch.setattr(failover, "BETWEEN_TOKENS_S", 0.1)
    other = ScriptedModel()
    with serving_elsewhere(sdk, Answer(WORDS[:5], gap_s=0.03)) as service:
        model = FailoverModel([model_of(service), other], SystemClock())
        await model.warm_up()
        assert said(await taken(model.reply(REQUEST), delay, 0.15)) == "".join(WORDS[:5])
        await model.aclose()
    assert not other.requests

"""Failover over the real SDKs: each of them fails at every chunk, and another goes on.

That whatever makes no sense breaks a stream like a cut connection, test_model_services shows; the bench `failover`
puts both together and measures.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.providers.fakes.fault_sweep import SENTENCE, STATUSES, chunk_indexes, heard
from tests.providers.model_subjects import SDKS

pytestmark = pytest.mark.real_time
AT_ONCE = 8


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("row", [*STATUSES, "no connection", "slow first token", "die", "stall", "bad json"])
async def test_nothing_is_lost_and_nothing_said_twice_at_any_chunk(row: str, sdk: str) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(at: int) -> str:
        async with gate:
            return (await heard(row, sdk, at)).said

    said = await asyncio.gather(*(one(at) for at in chunk_indexes(row, sdk)))
    assert set(said) == {SENTENCE}

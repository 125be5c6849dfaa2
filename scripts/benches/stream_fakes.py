"""A service on 127.0.0.1 in a process of its own: prints its address, and serves until its input ends."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from tests.providers import loopback
from tests.providers.azure_fake import AzureFake
from tests.providers.fakes.model_service import Answer, serving
from tests.providers.openai_fake import OpenAIFake

WORDS = [" word"] * 100
WORD_GAP_S = 0.03
# voices make speech several times faster than it plays
CHUNK_GAP_S = 0.05
CHUNK_MS = 500
PCM_CHUNK_BYTES = 48 * CHUNK_MS - 1  # cuts samples in half


async def _model(dialect: str) -> None:
    async with serving(dialect, Answer(WORDS, first_s=0.2, gap_s=WORD_GAP_S)) as service:
        print(service.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def _voice(name: str) -> None:
    azure = AzureFake(chunk_gap_s=CHUNK_GAP_S, chunk_ms=CHUNK_MS)
    openai = OpenAIFake(chunk_gap_s=CHUNK_GAP_S, chunk_bytes=PCM_CHUNK_BYTES)
    app = azure.app if name == "azure" else openai.app
    with loopback.serving(app) as port:
        print(f"ws://127.0.0.1:{port}" if name == "azure" else f"http://127.0.0.1:{port}/v1", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    role, name = sys.argv[1:]
    if role == "model":
        uvloop.run(_model(name))
    else:
        _voice(name)

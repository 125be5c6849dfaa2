"""Many streams of one provider at the same time: what they do to the event loop, to threads and to memory.

The real SDKs, on the event loop that the server runs on, with its threads' turns as short. The services are fakes in a
process of their own, so that the lag is this side's alone: models say 33 words a second, voices make speech ten times
as fast as it plays. So 200 voices make what 2,000 calls would hear; and where this side uses a whole core, it is not
blocked but has too much to do.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import ProviderError
from app.serving import SWITCH_INTERVAL_S
from providers.anthropic_model import anthropic_model
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import MOUTHS_MAX, AzureSynthesizer
from providers.azure_synthesizer import THREADS_EACH as AZURE_THREADS_EACH
from providers.base import LanguageModel, Message, ModelRequest, Synthesizer
from providers.openai_model import azure_openai_model, openai_model
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from scripts.benches.figures import Slope, Summary
from scripts.benches.report import Report

PROVIDERS = ("azure model", "openai model", "anthropic model", "azure voice", "openai voice")
REQUEST = ModelRequest("Help.", [Message("caller", "When do you open?")], "en", 50)
TEXT = "Your appointment is confirmed for Tuesday morning, at a quarter past nine."
SPREAD_S = 2.0  # callers do not all begin in the same moment; streams last longer
SAMPLE_S = 0.005
LAG_MS = 10.0
GROWTH_KIB = 1.0
SDK_THREADS = {"azure voice": MOUTHS_MAX * AZURE_THREADS_EACH}  # beside the workers'
WORKERS = 24
# The SDK keeps half a megabyte for each of its voices, and has it when each has said some 100 sentences.
WARM_UP_STREAMS = {"azure voice": 100 * MOUTHS_MAX}
HEADINGS = (
    "provider",
    "lag p50 ms",
    "lag p99",
    "lag max",
    "cores",
    "of the loop",
    "threads",
    "KiB a stream",
    "failed",
)

Stream = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Watch:
    """The event loop and the process while streams run."""

    lags_ms: list[float] = field(default_factory=list)
    threads_most: int = 0
    cores: float = 0.0
    loop_cores: float = 0.0

    async def run(self) -> None:
        """Until cancelled: the shares of a core, of the process and of the loop's own thread, are of the whole time."""
        began_s, process_s, loop_s = time.monotonic(), time.process_time(), time.thread_time()
        while True:
            asked_s = time.monotonic()
            await asyncio.sleep(SAMPLE_S)
            now_s = time.monotonic()
            self.lags_ms.append((now_s - asked_s - SAMPLE_S) * 1000)
            self.threads_most = max(self.threads_most, _threads())
            self.cores = (time.process_time() - process_s) / (now_s - began_s)
            self.loop_cores = (time.thread_time() - loop_s) / (now_s - began_s)


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _rss_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


async def measure(at_once: int, rounds: int, providers: Sequence[str]) -> Report:
    """`rounds` times `at_once` streams of each of `providers`, after as many as it takes for all to be warm."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    report = Report("streams", {"at_once": at_once, "rounds": rounds})
    rows = [await _row(report, name, at_once, rounds) for name in providers]
    report.table(HEADINGS, rows)
    return report


async def _row(report: Report, name: str, at_once: int, rounds: int) -> list[object]:
    watch, rss, errors = Watch(), list[tuple[float, float]](), Counter[str]()
    before = _threads()
    async with _stream_of(name) as stream:
        for _ in range(0, WARM_UP_STREAMS.get(name, 1), at_once):
            await _round(stream, at_once)
        gc.collect()
        gc.freeze()  # as the server does when it is warm
        gc.collect()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.run())
            for number in range(rounds):
                errors += await _round(stream, at_once)
                rss.append((float(number * at_once), _rss_kib()))
            watching.cancel()
    failed = errors.total()
    lag, growth = Summary.of(watch.lags_ms), Slope.of(rss).estimate
    bound = before + WORKERS + SDK_THREADS.get(name, 0)
    report.figures[name] = {
        "lag_ms": lag.as_json(),
        "cores": round(watch.cores, 2),
        "loop_cores": round(watch.loop_cores, 2),
        "threads": watch.threads_most,
        "kib_a_stream": round(growth, 3),
        "failed": dict(errors),
    }
    report.promise(f"{name}: {failed} of {at_once * rounds} streams failed", not failed)
    report.promise(f"{name}: loop lag p99 {lag.p99} ms, at most {LAG_MS:g}", lag.p99 <= LAG_MS)
    report.promise(f"{name}: {watch.threads_most} threads, at most {bound}", watch.threads_most <= bound)
    report.promise(f"{name}: {growth:.2f} KiB a stream, at most {GROWTH_KIB:g}", growth <= GROWTH_KIB)
    cores = [f"{share:.2f}" for share in (watch.cores, watch.loop_cores)]
    return [name, lag.p50, lag.p99, lag.max, *cores, watch.threads_most, round(growth, 2), failed]


async def _round(stream: Stream, at_once: int) -> Counter[str]:
    """How many failed of what."""
    async with asyncio.TaskGroup() as group:
        streams = [group.create_task(_error(stream, SPREAD_S * one / at_once)) for one in range(at_once)]
    return Counter(error for one in streams if (error := one.result()))


async def _error(stream: Stream, after_s: float) -> str:
    """What it failed of, empty when it did not."""
    await asyncio.sleep(after_s)
    try:
        await stream()
    except ProviderError as error:
        return f"{type(error).__name__}: {error}"
    return ""


@asynccontextmanager
async def _stream_of(name: str) -> AsyncIterator[Stream]:
    vendor, role = name.split()
    command = [sys.executable, "-m", "scripts.benches.stream_fakes", role, vendor]
    pipe = asyncio.subprocess.PIPE
    service = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert service.stdout
    assert service.stdin
    url = (await service.stdout.readline()).decode().strip()
    opened = _models(vendor, url) if role == "model" else _voices(vendor, url)
    try:
        async with opened as stream:
            yield stream
    finally:
        service.stdin.close()
        await service.wait()


@asynccontextmanager
async def _models(vendor: str, url: str) -> AsyncIterator[Stream]:
    models: dict[str, Callable[[], LanguageModel]] = {
        "azure": lambda: azure_openai_model(url, "k", "m", "2024-10-21"),
        "openai": lambda: openai_model("k", "m", url),
        "anthropic": lambda: anthropic_model("k", "m", url),
    }
    model = models[vendor]()

    async def reply() -> None:
        async with aclosing(model.reply(REQUEST)) as events:
            async for _ in events:
                pass

    yield reply
    await model.aclose()


@asynccontextmanager
async def _voices(vendor: str, url: str) -> AsyncIterator[Stream]:
    azure, client = AzureSpeech("k", endpoint=url), openai_client("k", url)
    voices: dict[str, Callable[[], Synthesizer]] = {
        "azure": lambda: AzureSynthesizer(azure),
        "openai": lambda: OpenAISynthesizer(client, "m", "v"),
    }
    voice = voices[vendor]()

    async def speak() -> None:
        async with aclosing(voice.synthesize(TEXT, voice.default_voice)) as chunks:
            async for _ in chunks:
                pass

    yield speak
    await voice.aclose()
    await client.close()
    await azure.aclose()

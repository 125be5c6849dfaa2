"""How long a caller waits when a speech service fails: the real SDK of Azure Speech against a fake of the service.

Counted from when the fake closes the connection or sends its last message. `signal_ms` is how long it takes until that
can be observed: the SDK's threads take their time over a connection that is gone, and a stall shows only when nothing
comes for as long as the voice is given (`STALL_S`, and at chunk 0 `FIRST_CHUNK_S`). `switch_ms` is ours, from there
until the standby is asked. Silence of a recogniser shows 300 ms into speech.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

from app.clock import SystemClock
from app.orchestrator.chain import Switch
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.listening import SILENT_MS
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Voice
from providers.dsp import BYTES_PER_MS, SILENCE
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_workers import InferenceWorkers
from scripts.benches.report import Report
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.loopback import Fault, serving

TEXT = "Your appointment is confirmed for Tuesday morning."
SPOKEN = TEXT.lower().rstrip(".")
FRAME = 20 * BYTES_PER_MS
GAP_MS = 500.0
SWITCH_MS = 20.0
VOICE_COLUMNS = ("role", "fault", "at", "signal_ms", "switch_ms", "standby_ms", "gap_ms", "lost")
EAR_COLUMNS = ("role", "fault", "at", "switch_ms", "words_ms", "final_ms", "lost")
KINDS: tuple[Literal["dies", "stalls"], ...] = ("dies", "stalls")


async def voice_rows() -> list[dict[str, Any]]:
    """A row for each fault at every fourth chunk: milliseconds to the next voice's first audio, and its own share."""
    workers = InferenceWorkers()
    local = _Timed(workers)
    await local.warm_up()
    try:
        return [await _voice_row(local, kind, at) for kind in KINDS for at in range(0, 24, 4)]
    finally:
        await workers.aclose()


class _Timed(EmbeddedSynthesizer):
    """Notes what it was asked and when, and when it spoke first."""

    text = ""
    asked_at = spoke_at = 0.0

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        self.text, self.asked_at, self.spoke_at = text, time.monotonic(), 0.0
        async for chunk in super().synthesize(text, voice):
            self.spoke_at = self.spoke_at or time.monotonic()
            yield chunk


class _Noted(AzureSynthesizer):
    """Notes when it failed, or was given up."""

    left_at = 0.0

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(super().synthesize(text, voice)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self.left_at = time.monotonic()


async def _voice_row(local: _Timed, kind: Literal["dies", "stalls"], at: int) -> dict[str, Any]:
    fake = AzureFake(synthesis_fault=Fault(kind, at))
    with serving(fake.app) as port:
        azure = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{port}")
        noted = _Noted(azure)
        chain = FailoverSynthesizer([noted, local], SystemClock())
        await chain.warm_up()
        async for _ in chain.synthesize(TEXT, chain.default_voice):
            pass
        await chain.aclose()
    await azure.aclose()
    broke_at = fake.faulted_at or 0.0
    return {
        "role": "synthesizer",
        "fault": kind,
        "at": at,
        "signal_ms": round((noted.left_at - broke_at) * 1000, 1),
        "switch_ms": round((local.asked_at - noted.left_at) * 1000, 1),
        "standby_ms": round((local.spoke_at - local.asked_at) * 1000, 1),
        "gap_ms": round((local.spoke_at - broke_at) * 1000, 1),
        "rest": local.text,
        "lost": not TEXT.endswith(local.text),
    }


async def ear_rows() -> list[dict[str, Any]]:
    """A row for each message at which the connection dies while the caller speaks, and one for silence."""
    workers = InferenceWorkers()
    voice, local = EmbeddedSynthesizer(workers), EmbeddedTranscriber(workers, frozenset({"en"}))
    await local.warm_up()
    speech = b"".join([chunk async for chunk in voice.synthesize(TEXT, voice.default_voice)])
    faults: list[Fault | None] = [*(Fault("dies", at) for at in range(7)), None]
    try:
        return [await _ear_row(local, speech, fault) for fault in faults]
    finally:
        await workers.aclose()


async def _ear_row(local: EmbeddedTranscriber, speech: bytes, fault: Fault | None) -> dict[str, Any]:
    fake = AzureFake([Phrase(TEXT)], word_ms=250, fault=fault, silent=fault is None)
    words: list[float] = []
    switched: list[float] = []

    def switch(_: Switch) -> None:
        switched.append(time.monotonic())

    with serving(fake.app) as port:
        azure = AzureSpeech("k", endpoint=f"ws://127.0.0.1:{port}")
        chain = FailoverTranscriber([AzureTranscriber(azure), local], SystemClock()).watched(switch)
        stream = await chain.open("en", on_partial=lambda _: words.append(time.monotonic()))
        for _ in range(20):
            stream.push(SILENCE * FRAME)
            await asyncio.sleep(0.02)
        stream.utterance_started()
        spoke_at = time.monotonic()
        for at in range(0, len(speech), FRAME):
            stream.push(speech[at : at + FRAME])
            await asyncio.sleep(0.02)
        stream.utterance_paused()
        asked_at = time.monotonic()
        text = (await stream.finish()).text
        final_at = time.monotonic()
        await stream.aclose()
    await azure.aclose()
    signal_at = max(fake.faulted_at or spoke_at + SILENT_MS / 1000, spoke_at)
    first = next(at for at in [*words, final_at] if at >= signal_at)
    return {
        "role": "transcriber",
        "fault": fault.kind if fault else "silent",
        "at": fault.at if fault else 0,
        "switch_ms": round((switched[0] - signal_at) * 1000, 1) if switched else None,
        "words_ms": round((first - signal_at) * 1000, 1),
        "final_ms": round((final_at - asked_at) * 1000, 1),
        "text": text,
        "lost": text.lower().rstrip(".") != SPOKEN,
    }


async def measure(report: Report) -> None:
    """Add both tables, and what must hold of them."""
    voices, ears = await voice_rows(), await ear_rows()
    report.figures["speech"] = [*voices, *ears]
    for found, columns in ((voices, VOICE_COLUMNS), (ears, EAR_COLUMNS)):
        report.table(columns, [[row[column] for column in columns] for row in found])
    # before its first sound a voice is given a patience of its own, FIRST_CHUNK_S
    gaps = [row["gap_ms"] for row in voices if row["at"] or row["fault"] == "dies"]
    switches = [row["switch_ms"] for row in voices]
    report.promise(
        f"voices switched within {SWITCH_MS:.0f} ms (longest {max(switches):.1f})", max(switches) <= SWITCH_MS
    )
    report.promise(f"gaps of a voice up to {GAP_MS:.0f} ms (longest {max(gaps):.0f})", max(gaps) <= GAP_MS)
    # an ear that failed before the caller spoke was replaced by then: its row has the standby's own first words
    words = [row["words_ms"] for row in ears if row["switch_ms"] is None or row["switch_ms"] >= 0]
    report.promise(f"words of an ear within {GAP_MS:.0f} ms (longest {max(words):.0f})", max(words) <= GAP_MS)
    report.promise(
        "no word lost or said twice by voices and ears", not any(row["lost"] for row in (*voices, *ears))
    )

"""How long a caller waits when a speech service fails: the real SDKs against fakes of Azure's and OpenAI's services.

Counted from when the fake refuses, hangs up or has sent its last message. `signal` is how long it takes until that
can be observed: the SDK's threads take their time over a connection that is gone, and a stall shows only when nothing
comes for as long as the voice is given (`STALL_S`, before its first sound what `FirstSounds` says). `switch` is ours,
from there until the engine on this machine is asked, `standby` that engine's own time to its first sound, `gap` all
of it. Silence of Azure's recogniser shows 300 ms into speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TypeVar

from app.orchestrator.hedge import FIRST_SOUND_MOST_S
from providers.azure_utterance import STALL_S
from providers.local_recognizer import EmbeddedTranscriber
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_workers import InferenceWorkers
from scripts.benches.report import Report
from tests.providers.fakes.speech_sweep import (
    ROWS,
    SDKS,
    SILENT_ROW,
    STATUSES,
    UNREACHABLE,
    Spoken,
    Understood,
    ear_indexes,
    spoken,
    understood,
    voice_indexes,
)

TEXT = "Your appointment is confirmed for Tuesday morning."
SPOKEN = TEXT.lower().rstrip(".")
WORD_MS = 350  # of the sentence's seven, in the voice of this machine
GAP_MS = 500.0
SWITCH_MS = 20.0
VOICE_TIMES = ("signal", "switch", "standby", "gap")
# a voice that has learned nothing of its own is given the most there is, and then it is as after the first sound
FIRST_GAP_MS = FIRST_SOUND_MOST_S * 1000 + GAP_MS - STALL_S * 1000
EAR_ROWS = (*ROWS, SILENT_ROW)
AT_ONCE_ROWS = (*STATUSES, *UNREACHABLE)
NOT_PROMISED = (
    "An ear that stalls or sends nonsense in mid-speech is noticed when its words are due: of those rows it is only "
    "promised that no word is lost."
)

T = TypeVar("T")
Found = dict[tuple[str, str], dict[int, T]]


async def voice_rows(workers: InferenceWorkers) -> Found[Spoken]:
    """An utterance for each fault at each chunk."""
    local = EmbeddedSynthesizer(workers)
    await local.warm_up()
    return {
        (row, sdk): {at: await spoken(row, sdk, at, local, TEXT) for at in voice_indexes(row, sdk, TEXT)}
        for row in ROWS
        for sdk in SDKS
        if voice_indexes(row, sdk, TEXT)
    }


async def ear_rows(workers: InferenceWorkers) -> Found[Understood]:
    """An utterance for each fault at each message."""
    voice, local = EmbeddedSynthesizer(workers), EmbeddedTranscriber(workers, frozenset({"en"}))
    await local.warm_up()
    speech = b"".join([chunk async for chunk in voice.synthesize(TEXT, voice.default_voice)])
    found: Found[Understood] = {}
    for row in EAR_ROWS:
        for sdk in SDKS[:1] if row == SILENT_ROW else SDKS:
            found[row, sdk] = {
                at: await understood(row, sdk, at, local, speech, TEXT, WORD_MS)
                for at in ear_indexes(row, sdk, TEXT)
            }
    return found


async def measure(report: Report) -> None:
    """Add both tables, and what must hold of them."""
    workers = InferenceWorkers()
    try:
        voices, ears = await voice_rows(workers), await ear_rows(workers)
    finally:
        await workers.aclose()
    _tell_voices(report, voices)
    _tell_ears(report, ears)


def _tell_voices(report: Report, found: Found[Spoken]) -> None:
    times = [f"{name} {figure}" for name in VOICE_TIMES for figure in ("p50", "max")]
    headings = ["voice: fault", "sdk", "chunks", *times, "lost", "said twice"]
    rows = [[row, sdk, *_voice_row(list(each.values()))] for (row, sdk), each in found.items()]
    report.table(headings, rows)
    report.figures["voices"] = _figures(headings, rows)
    everything = [(row, at, one) for (row, _), each in found.items() for at, one in each.items()]
    # where nothing comes before its first sound, a voice is given a patience of its own
    waits = {
        first: [
            one.gap_ms
            for row, at, one in everything
            if one.gap_ms is not None and first == (row in ("stalls", "malformed") and at <= 0)
        ]
        for first in (False, True)
    }
    gap_ms, first_ms = (max(waits[first], default=0.0) for first in (False, True))
    switches = [one.switch_ms for _, _, one in everything if one.switch_ms is not None]
    report.promise(
        f"voices switched within {SWITCH_MS:.0f} ms (longest {max(switches):.1f})", max(switches) <= SWITCH_MS
    )
    report.promise(f"gaps of a voice up to {GAP_MS:.0f} ms (longest {gap_ms:.0f})", gap_ms <= GAP_MS)
    report.promise(
        f"of one that stalls before its first sound up to {FIRST_GAP_MS:.0f} ms (longest {first_ms:.0f})",
        first_ms <= FIRST_GAP_MS,
    )
    report.promise(
        "no word lost or said twice by voices", not any(one.lost or one.twice for _, _, one in everything)
    )


def _voice_row(spoken: Sequence[Spoken]) -> list[object]:
    times = [
        figure
        for name in VOICE_TIMES
        for figure in _middle_and_most([getattr(one, f"{name}_ms") for one in spoken])
    ]
    return [len(spoken), *times, sum(one.lost for one in spoken), sum(one.twice for one in spoken)]


def _tell_ears(report: Report, found: Found[Understood]) -> None:
    headings = ["ear: fault", "sdk", "messages", "switch p50", "switch max", "words p50", "words max"]
    headings += ["final p50", "final max", "lost"]
    rows = [[row, sdk, *_ear_row(list(each.values()))] for (row, sdk), each in found.items()]
    report.table(headings, rows)
    report.figures["ears"] = _figures(headings, rows)
    # one that failed before the caller spoke was replaced by then: its row has the standby's own first words; what
    # OpenAI's says nothing of, it says after speech only
    words = [
        one.words_ms
        for (row, _), each in found.items()
        for one in each.values()
        if row in ("dies", SILENT_ROW) and (one.switch_ms is None or one.switch_ms >= 0)
    ]
    report.lines.append(NOT_PROMISED)
    report.promise(
        f"words of an ear that dies or falls silent within {GAP_MS:.0f} ms (longest {max(words):.0f})",
        max(words) <= GAP_MS,
    )
    late = [one for (row, _), each in found.items() if row in AT_ONCE_ROWS for one in each.values()]
    report.promise(
        "an ear that cannot be had is replaced before the caller speaks",
        all(one.switch_ms is not None and one.switch_ms < 0 for one in late),
    )
    lost = [one for each in found.values() for one in each.values() if _lost(one)]
    report.promise("no word lost or heard twice by ears", not lost)


def _ear_row(understood: Sequence[Understood]) -> list[object]:
    times = [
        figure
        for column in ("switch_ms", "words_ms", "final_ms")
        for figure in _middle_and_most([getattr(one, column) for one in understood])
    ]
    return [len(understood), *times, sum(map(_lost, understood))]


def _lost(one: Understood) -> bool:
    return one.text.lower().rstrip(".") != SPOKEN


def _middle_and_most(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    known = [value for value in values if value is not None]
    return (median(known), max(known)) if known else (None, None)


def _figures(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, dict[str, object]]:
    return {f"{row[0]}/{row[1]}": dict(zip(headings[2:], row[2:], strict=True)) for row in rows}

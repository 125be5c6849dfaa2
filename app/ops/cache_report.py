"""What `callrelay cache` tells of the running server: content, worth, waste, and the misses that cost most.

Fixed words are shown; of words that hold what callers said only their number and size are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from app.call.foresight import Foresight

SHOWN = 10
WIDTH = 70


def cache_report(foresight: Foresight) -> dict[str, Any]:
    """One document: rates 0..1 or None, sizes in bytes, times in milliseconds, the fixed words newest last."""
    cache = foresight.preparer.cache
    entries = list(cache.entries())
    by_kind = Counter(entry.kind for entry in entries)
    return {
        **cache.figures.report(),
        "threshold": round(foresight.threshold.value, 3),
        "entries": len(entries),
        "entries_max": cache.max_entries,
        "entries_by_kind": {"static": by_kind["static"], "templated": by_kind["templated"]},
        "bytes": cache.size_bytes,
        "bytes_max": cache.max_bytes,
        "spoken_ms": round(sum(entry.spoken_ms for entry in entries)),
        "shared": foresight.preparer.shared_state,
        "content": [
            {"text": entry.text, "spoken_ms": round(entry.spoken_ms), "bytes": len(entry.audio)}
            for entry in entries
            if entry.kind == "static"
        ],
    }


def cache_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The report for people."""
    mib = report["bytes"] / 2**20
    yield f"{report['entries']} of {report['entries_max']} texts, {mib:.1f} MiB, {report['spoken_ms'] / 1000:.0f} s"
    for kind, figures in report["by_kind"].items():
        count = figures["hits"] + figures["misses"]
        kept = report["entries_by_kind"].get(kind, "")
        yield f"  {kind:<10} {kept:>6}   asked for {count:6} times, there {_percent(figures['hit_rate'])}"
    yield f"turns answered from ready speech (recall): {_percent(report['recall'])} of {report['turns']}"
    made, used, wasted = (report[f"prepared{what}"] for what in ("", "_used", "_wasted"))
    yield f"made ahead: {made}, used {used}, in vain {wasted} (precision {_percent(report['precision'])})"
    yield f"  made from a chance of {_percent(report['threshold'])} on"
    yield f"saved: {report['saved_ms'] / 1000:.1f} s of waiting"
    yield f"wasted: {report['waste_ms'] / 1000:.1f} s of making, {report['waste_characters']} characters"
    yield f"shared level: {report['shared']}"
    if report["worst_misses"]:
        yield "what callers waited for most:"
    for miss in report["worst_misses"][:SHOWN]:
        times = f"{miss['count']} times" if miss["count"] != 1 else "once"
        yield f"  {miss['waited_ms']:7} ms  {times:>10}  {miss['at'][:WIDTH]}: {miss['why']}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"

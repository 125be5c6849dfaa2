"""What the figures of a run mean: thresholds that it broke, what got worse since the last one, what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.load.figures import QUANTILES, Document

# name on the command line: where it stands in the document
FIGURES: Mapping[str, tuple[str, ...]] = {
    **{f"answer_{name}": ("answer_ms", name) for name in QUANTILES},
    **{f"any_{name}": ("any_audio_ms", name) for name in QUANTILES},
    **{f"overhead_{name}": ("overhead_ms", name) for name in QUANTILES},
    "gaps": ("gaps",),
    "errors": ("errors",),
    "cpu_share": ("server", "cpu_share"),
    "us_per_frame": ("server", "us_per_frame"),
    "rss_mb": ("server", "rss_mb"),
    "mb_per_call": ("server", "mb_per_call"),
    "lag_p95": ("server", "lag_p95_ms"),
}
# told, too; these may be as large as they like
TOLD: Mapping[str, tuple[str, ...]] = {
    **FIGURES,
    "workers": ("server", "workers"),
    "calls_per_core": ("server", "calls_per_core"),
    "callers_cpu": ("client", "cpu_share"),
    "callers_us": ("client", "us_per_frame"),
    "callers_lag": ("client", "lag_p95_ms"),
}
# by name, or what a name begins with; what is not here is counted
UNITS: Mapping[str, str] = {
    **dict.fromkeys(("answer", "any", "overhead", "lag", "callers_lag"), "ms"),
    **dict.fromkeys(("us_per_frame", "callers_us"), "µs"),
    **dict.fromkeys(("rss_mb", "mb_per_call"), "MB"),
    **dict.fromkeys(("cpu_share", "callers_cpu"), "of a core"),
}
# what is compared with the last run: by how much it may differ by chance, as a share and in its own unit
COMPARED = {
    "answer_p50": (0.1, 20.0),
    "answer_p95": (0.1, 40.0),
    "us_per_frame": (0.1, 5.0),
    "mb_per_call": (0.2, 0.2),
    "lag_p95": (0.2, 5.0),
    "gaps": (0.0, 0.0),
    "errors": (0.0, 0.0),
}
BUSY_SHARE = 0.8
BUSY_CLIENT_SHARE = 0.7
LATE_MS = 10.0
SLOW_MS = 300.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """`name` must not exceed `most`."""

    name: str
    most: float

    def broken(self, document: Document) -> str | None:
        """In words; None when it holds. What was not measured does not hold."""
        found = figure(document, self.name)
        if found is not None and found <= self.most:
            return None
        return f"{self.name} is {'unknown' if found is None else f'{found:g}'}, more than {self.most:g}"


def figure(document: Document, name: str) -> float | None:
    """One of TOLD; None where it is unknown, like those that an earlier version did not keep."""
    found: Any = document
    for key in TOLD[name]:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, (int, float)) else None


def worse(document: Document, before: Document) -> list[str]:
    """What grew by more than chance since an earlier run of the same."""
    found = []
    for name, (share, least) in COMPARED.items():
        now, then = figure(document, name), figure(before, name)
        if now is not None and then is not None and now > then * (1 + share) and now - then > least:
            found.append(f"{name} was {then:g} on {before['at']}, now {now:g}")
    return found


def recommendations(document: Document) -> list[str]:
    """What to do, the most important first."""
    return list(_recommended(document, document["server"], document["client"]))


def _recommended(document: Document, server: Document, client: Document) -> Iterator[str]:
    if client["cpu_share"] > BUSY_CLIENT_SHARE or (client["lag_p95_ms"] or 0) > LATE_MS:
        yield (
            "The callers' own process is busy, so its figures are too high: run fewer calls, or run it "
            "on another machine."
        )
    workers = server["workers"] or 1
    if (server["cpu_share"] or 0) > BUSY_SHARE * workers:
        each = "The server has" if workers == 1 else f"Each of the {workers} workers has"
        yield (
            f"{each} used {server['cpu_share'] / workers:.0%} of a core: raise WEB_CONCURRENCY, or stay below "
            f"{round(BUSY_SHARE * workers * server['calls_per_core'])} calls at once."
        )
    if (server["lag_p95_ms"] or 0) > LATE_MS:
        yield "The server's event loop runs late: something else needs its core, or there are too many calls for it."
    if document["gaps"]:
        yield "Callers heard gaps in mid-sentence: voices are made too slowly, or the server is too busy to send them."
    p95 = document["answer_ms"]["p95"]
    if p95 is not None and p95 > SLOW_MS:
        parts = _parts(document)
        most = max(parts, key=lambda name: parts[name]) if parts else None
        where = f", most of it in {most} ({parts[most]:.0f} ms a turn)" if most else ""
        yield f"One answer in twenty takes more than {p95:.0f} ms{where}: see `callrelay explain-turn` for a slow one."


def _parts(document: Document) -> dict[str, float]:
    """What the time of a turn goes into: stages, where journals are at hand, else what the server's health sums up."""
    return {name: ms for name, ms in (document["waited_ms"] or document["breakdown"]).items() if ms}

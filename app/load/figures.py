"""What a run found, as the document of `callrelay load --json`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from app.load.calls import Placed
from app.ops.meters import waited_ms
from app.simulator.turns import Turn

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
STUMBLED = "the agent stumbled"
FAULTS_SHOWN = 10

Document = dict[str, Any]


class _Process(msgspec.Struct, rename="camel"):
    cpu_seconds: float | None = None
    rss_mb: float | None = None


class _Loop(msgspec.Struct, rename="camel"):
    lag_p95_ms: float | None = None


class _Performance(msgspec.Struct):
    breakdown: dict[str, float | None] = {}


class _Worker(msgspec.Struct):
    process: int


class _Health(msgspec.Struct):
    process: _Process = msgspec.field(default_factory=_Process)
    loop: _Loop = msgspec.field(default_factory=_Loop)
    performance: _Performance = msgspec.field(default_factory=_Performance)
    workers: list[_Worker] = []


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a server says of itself in /health, all its workers together; None where it says nothing of it.

    `processes` are its workers', where there are several.
    """

    cpu_s: float | None
    rss_mb: float | None
    lag_p95_ms: float | None
    breakdown: Mapping[str, float | None]
    workers: int = 1
    processes: frozenset[int] = frozenset()

    @classmethod
    def of(cls, health: Mapping[str, Any]) -> Vitals:
        """Raises ValueError where it is not ours."""
        found = msgspec.convert(health, _Health)
        return cls(
            found.process.cpu_seconds,
            found.process.rss_mb,
            found.loop.lag_p95_ms,
            found.performance.breakdown,
            len(found.workers) or 1,
            frozenset(worker.process for worker in found.workers),
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: runs of the same can be compared. `steps` stands for what each caller does."""

    target: str
    language: str | None
    steps: str
    at_once: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over. `course` is how the server was, by seconds into the run, `busiest` when at its biggest."""

    asked: Asked
    began: datetime
    placed: Sequence[Placed]
    seconds: float
    client_cpu_s: float
    client_lag_p95_ms: float | None
    before: Vitals
    busiest: Vitals
    after: Vitals
    course: Sequence[tuple[float, Vitals]] = ()

    def document(self) -> Document:
        reports = [call.report for call in self.placed]
        turns = [turn for report in reports for turn in report.turns if turn.answer_due]
        faults = _faults(self.placed)
        return {
            "target": self.asked.target,
            "language": self.asked.language,
            "steps": self.asked.steps,
            "at": self.began.isoformat(timespec="seconds"),
            "concurrency": self.asked.at_once,
            "seconds": round(self.seconds, 1),
            "calls": len(reports),
            "turns": len(turns),
            "answer_ms": quantiles([turn.answer_audio_ms for turn in turns]),
            "any_audio_ms": quantiles([turn.any_audio_ms for turn in turns]),
            "stages_ms": {name: quantiles(spent) for name, spent in _stages(turns).items()},
            "waited_ms": _waited_ms(turns),
            "overhead_ms": quantiles([turn.overhead_ms for turn in turns]),
            "gaps": sum(len(report.gaps) for report in reports),
            "errors": sum(faults.values()),
            "faults": dict(faults.most_common(FAULTS_SHOWN)),
            "server": self._server(sum(report.frames for report in reports)),
            "client": self._client(sum(report.frames for report in reports)),
            "breakdown": dict(self.after.breakdown),
        }

    def _client(self, frames: int) -> Document:
        return {
            "cpu_share": round(self.client_cpu_s / self.seconds, 3),
            "us_per_frame": round(self.client_cpu_s / frames * 1e6, 1) if frames else None,
            "lag_p95_ms": _rounded(self.client_lag_p95_ms),
        }

    @property
    def _server_cpu_s(self) -> float | None:
        """None where nobody knows: what a worker had used went with it, and so did what it held."""
        before, after = self.before, self.after
        if before.cpu_s is None or after.cpu_s is None or before.processes != after.processes:
            return None
        # a single process that began anew
        return after.cpu_s - before.cpu_s if after.cpu_s >= before.cpu_s else None

    def _server(self, frames: int) -> Document:
        cpu_s = self._server_cpu_s
        if cpu_s is None:
            return dict.fromkeys(
                (
                    "workers",
                    "cpu_share",
                    "us_per_frame",
                    "calls_per_core",
                    "rss_mb",
                    "mb_per_call",
                    "lag_p95_ms",
                )
            )
        share, most_mb, idle_mb = cpu_s / self.seconds, self.busiest.rss_mb, self.before.rss_mb
        grown_mb = None if most_mb is None or idle_mb is None else max(0.0, most_mb - idle_mb)
        return {
            "workers": self.after.workers,
            "cpu_share": round(share, 3),
            "us_per_frame": round(cpu_s / frames * 1e6, 1) if frames else None,
            "calls_per_core": round(self.asked.at_once / share) if share else None,
            "rss_mb": _rounded(most_mb),
            "mb_per_call": None if grown_mb is None else round(grown_mb / self.asked.at_once, 2),
            "lag_p95_ms": _rounded(self.busiest.lag_p95_ms),
        }


def _stages(turns: Sequence[Turn]) -> dict[str, list[float | None]]:
    """How long each stage lasted in each turn that the server's journal tells of."""
    found: dict[str, list[float | None]] = defaultdict(list)
    for turn in turns:
        for name, (start, end) in turn.stages.items():
            found[name].append(end - start)
    return found


def _waited_ms(turns: Sequence[Turn]) -> dict[str, float]:
    """What a turn waited for each stage, in the mean over all turns that the server's journal tells of."""
    told = [waited_ms(turn.stages) for turn in turns if turn.stages]
    names = dict.fromkeys(name for waited in told for name in waited)
    return {name: round(sum(waited.get(name, 0.0) for waited in told) / len(told), 1) for name in names}


def quantiles(values: Sequence[float | None]) -> dict[str, float | None]:
    """Interpolated, in milliseconds; all None of nothing."""
    known = [value for value in values if value is not None]
    if not known:
        return dict.fromkeys(QUANTILES)
    return {
        name: round(float(value), 1)
        for name, value in zip(QUANTILES, np.quantile(known, list(QUANTILES.values())), strict=True)
    }


def _faults(placed: Sequence[Placed]) -> Counter[str]:
    """In words, without the numbers of turns and seconds, so that the same one counts as the same."""
    found: Counter[str] = Counter()
    for call in placed:
        if call.report.cannot_run:
            found[call.report.cannot_run.partition(": ")[2] or call.report.cannot_run] += 1
            continue
        faults = [fault for fault in call.report.faults() if not fault.startswith(STUMBLED)]
        found.update(fault.partition(": ")[2] if fault.startswith("turn ") else fault for fault in faults)
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

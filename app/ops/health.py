"""The state of the server in one document; figures that nobody has measured yet are null."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.call.admission import Admission
from app.call.flow_store import FlowStore
from app.call.registry import CallRegistry
from app.call.services import Speech
from app.clock import Clock
from app.ops.meters import Meters, percentile
from app.ops.quality import QualityBook
from app.orchestrator.breaker import Breaker
from app.orchestrator.failover import FailoverModel
from app.orchestrator.speech_cache import SpeechCache


@dataclass(slots=True)
class Health:
    """Looks at everything, owns nothing."""

    clock: Clock
    admission: Admission
    registry: CallRegistry
    flows: FlowStore
    meters: Meters
    quality: QualityBook
    speech: Speech
    speech_cache: SpeechCache
    started_at: float
    model: FailoverModel | None = None

    def not_ready(self) -> str | None:
        """Why no new call should come here, None when it may."""
        if self.admission.draining:
            return "draining"
        return None if self.admission.ready else "warming up"

    def report(self) -> dict[str, Any]:
        """The body of /health."""
        relay = "draining" if self.admission.draining else "active" if self.admission.ready else "stopped"
        return {
            "status": self._status(),
            "version": version("callrelay"),
            "uptimeSeconds": round(self.clock.now() - self.started_at, 1),
            "performance": self._performance(),
            "conversationRelay": {
                "status": relay,
                "activeSessions": len(self.registry),
                "capacity": self.admission.capacity,
            },
            "providers": self.providers(),
            "inference": self.speech.inference(),
            "loop": {
                "lagP95Ms": _rounded(self.meters.loop_lag_p95_ms),
                "tasks": len(asyncio.all_tasks()),
            },
            "flows": self.flows.report(),
            "process": _process(),
        }

    def _status(self) -> str:
        if self.admission.draining:
            return "draining"
        if not self.admission.ready:
            return "unhealthy"
        engines_well = all(provider["state"] == "healthy" for provider in self.providers().values())
        return "healthy" if engines_well and not self.flows.faults else "degraded"

    def providers(self) -> dict[str, Any]:
        """Each provider's state, by name and role."""
        engines = self.speech.report()
        models = self.model.report() if self.model else {}
        return engines | {f"{name}/model": report for name, report in models.items()}

    def breakers(self) -> dict[str, Breaker]:
        """Of each provider that has one, by name and role."""
        models = self.model.breakers if self.model else {}
        return self.speech.breakers | {f"{name}/model": breaker for name, breaker in models.items()}

    def _performance(self) -> dict[str, Any]:
        answers = self.meters.answers_ms()
        return {
            "averageLatency": _rounded(sum(answers) / len(answers)) if answers else None,
            "p95Latency": _rounded(percentile(answers, 0.95)),
            "cacheHitRate": self.speech_cache.hit_rate,
            "qualityScore": self.quality.overall,
            "breakdown": self.meters.breakdown_ms(),
        }


def _process() -> dict[str, Any]:
    """CPU time used so far, and memory held now (where the system tells: Linux)."""
    held = Path("/proc/self/statm")
    pages = int(held.read_text().split()[1]) if held.exists() else None
    return {
        "cpuSeconds": round(time.process_time(), 3),
        "rssMb": round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1) if pages else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

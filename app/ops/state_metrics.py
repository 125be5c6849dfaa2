"""How the server is now, for Prometheus: read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.ops.health import Health
from app.ops.watch import Watch
from app.orchestrator.breaker import Breaker
from app.orchestrator.ladder import MEASURES

BREAKER_STATES = ("closed", "half_open", "open")
PROVIDER = ("provider", "role")
INFERENCE_GAUGES = {
    "waiting": ("inference_waiting", "Jobs that wait for a thread of the embedded engines"),
    "busy": ("inference_busy", "Those that are being done"),
    "waitP95Ms": ("inference_wait_p95_seconds", "How long the last 500 waited"),
    "voiceBatchP95Ms": ("voice_batch_p95_seconds", "How long the last 500 batches of voice detection took"),
}
INFERENCE_COUNTERS = {
    "restarts": ("inference_restarts", "Threads that were replaced"),
    "voiceLate": ("voice_batches_late", "Batches of voice detection that took more than 50 ms"),
    "voiceFailed": ("voice_batches_failed", "Batches on which its network failed"),
    "voiceRestarts": ("voice_restarts", "Threads of voice detection that were replaced"),
}


class StateMetrics(Collector):
    """Implements prometheus-client's `Collector`."""

    def __init__(self, health: Health, watch: Watch, stalls: Callable[[], int]) -> None:
        self._health = health
        self._watch = watch
        self._stalls = stalls

    def collect(self) -> Iterable[Metric]:
        health = self._health
        yield _gauge("calls_active", "Calls that go on", len(health.registry))
        yield _gauge("ready", "1 while new calls are taken", health.not_ready() is None)
        lag_ms = health.meters.loop_lag_p95_ms
        yield _gauge("loop_lag_p95_seconds", "Event loop, last five minutes", _seconds(lag_ms))
        stalls = CounterMetricFamily("callrelay_loop_stalls", "Times that the event loop stood still")
        stalls.add_metric([], self._stalls())
        yield stalls
        yield from _inference(health.speech.inference() or {})
        yield _gauge("quality_score", "0 to 1, last five minutes", health.quality.overall)
        yield _labelled("flow_quality_score", "The same by flow", "flow", health.quality.by_flow)
        in_force = self._watch.economy.in_force
        measures: dict[str, float] = {measure: measure in in_force for measure in MEASURES}
        yield _labelled("measure_in_force", "1 while it is given up to be quicker", "measure", measures)
        alerts = dict.fromkeys(self._watch.alerts.names, 1)
        yield _labelled("alert", "1 while it calls for somebody", "alert", alerts)
        yield from _providers(health.providers())
        yield from _breakers(health.breakers())


def _inference(report: Mapping[str, float | None]) -> Iterator[Metric]:
    for part, (name, text) in INFERENCE_GAUGES.items():
        if part in report:
            value = report[part]
            yield _gauge(name, text, _seconds(value) if part.endswith("Ms") else value)
    for part, (name, text) in INFERENCE_COUNTERS.items():
        if part in report:
            counter = CounterMetricFamily(f"callrelay_{name}", text)
            counter.add_metric([], report[part] or 0)
            yield counter


def _providers(reports: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    up = GaugeMetricFamily("callrelay_provider_up", "1 healthy, 0.5 degraded, 0 down", labels=PROVIDER)
    worth = {"healthy": 1.0, "degraded": 0.5}
    for name, report in reports.items():
        up.add_metric(name.split("/"), worth.get(report["state"], 0.0))
    yield up


def _breakers(breakers: Mapping[str, Breaker]) -> Iterator[Metric]:
    state = GaugeMetricFamily("callrelay_breaker", "1 for the state it is in", labels=[*PROVIDER, "state"])
    attempts = CounterMetricFamily("callrelay_attempts", "Attempts and probes", labels=PROVIDER)
    failures = CounterMetricFamily("callrelay_failures", "Those that failed", labels=[*PROVIDER, "error"])
    for name, breaker in breakers.items():
        provider = name.split("/")
        for one in BREAKER_STATES:
            state.add_metric([*provider, one], one == breaker.state)
        attempts.add_metric(provider, breaker.successes + breaker.failures.total())
        for error, times in breaker.failures.items():
            failures.add_metric([*provider, error], times)
    yield from (state, attempts, failures)


def _gauge(name: str, text: str, value: float | None) -> Metric:
    """Without a sample while nobody knows."""
    gauge = GaugeMetricFamily(f"callrelay_{name}", text)
    if value is not None:
        gauge.add_metric([], value)
    return gauge


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(f"callrelay_{name}", text, labels=[label])
    for key, value in values.items():
        gauge.add_metric([key], value)
    return gauge


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000

"""The figures of all workers as one page for Prometheus: what counts is added up, what is measured stays each one's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

# gauges that are numbers of things
COUNTS = frozenset(("callrelay_calls_active", "callrelay_inference_waiting", "callrelay_inference_busy"))

Labels = tuple[tuple[str, str], ...]


class Family(msgspec.Struct, array_like=True):
    """A metric and its samples: name, labels, value."""

    name: str
    text: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]

    @property
    def adds_up(self) -> bool:
        return self.kind != "gauge" or self.name in COUNTS


class Figures(msgspec.Struct, array_like=True):
    """One worker's."""

    process: int
    families: list[Family]

    @classmethod
    def of(cls, process: int, collector: Collector) -> Figures:
        return cls(
            process,
            [
                Family(
                    one.name,
                    one.documentation,
                    one.type,
                    [(s.name, s.labels, float(s.value)) for s in one.samples],
                )
                for one in collector.collect()
            ],
        )


@dataclass(frozen=True, slots=True)
class JoinedFigures(Collector):
    """Of workers that are `present`, and what those that are `gone` have counted.

    What does not add up has the label `worker`, the number of its process.
    """

    present: Sequence[Figures]
    gone: Sequence[Figures] = ()

    def collect(self) -> Iterator[Metric]:
        joined: dict[str, tuple[Metric, dict[tuple[str, Labels], float]]] = {}
        for worker, family in self._families():
            metric = Metric(family.name, family.text, family.kind)
            _, samples = joined.setdefault(family.name, (metric, {}))
            own = () if family.adds_up else (("worker", str(worker)),)
            for name, named, value in family.samples:
                _add(samples, (name, (*named.items(), *own)), value)
        for metric, samples in joined.values():
            for (name, labels), value in samples.items():
                metric.add_sample(name, dict(labels), value)
            yield metric

    def _families(self) -> Iterator[tuple[int, Family]]:
        for figures in self.present:
            yield from ((figures.process, family) for family in figures.families)
        for figures in self.gone:
            yield from ((figures.process, family) for family in figures.families if family.kind != "gauge")


def _add(samples: dict[tuple[str, Labels], float], key: tuple[str, Labels], value: float) -> None:
    """Counters also tell since when they count: all together since the first began."""
    if key not in samples:
        samples[key] = value
    elif key[0].endswith("_created"):
        samples[key] = min(samples[key], value)
    else:
        samples[key] += value

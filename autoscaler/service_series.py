"""What is shown of each service, made when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autoscaler.model import Sample
from autoscaler.ports import Clock

MOST_METRICS = 20
"""Metrics of a policy that have series of their own, for each service."""


@dataclass(frozen=True, slots=True)
class Described:
    """A row of the documentation."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class Figures(NamedTuple):
    """What is shown of one service; None is not shown at all."""

    current: int | None
    wanted: int | None
    desired: int | None
    least: int | None
    most: int | None
    health: str | None
    held_by: str | None
    samples: Mapping[str, Sample]
    """Each metric's newest sample."""

    def shown(self) -> Iterable[tuple[str, Sample]]:
        """The samples of so many metrics as have series of their own."""
        return islice(self.samples.items(), MOST_METRICS)


_FIGURES = (
    ("current", "replicas", "Replicas that the service's spec asks for."),
    ("wanted", "replicas_wanted", "Replicas that the metrics recommend, before any guard."),
    ("desired", "replicas_desired", "Replicas that the last decision came to, after the guards."),
    ("least", "replicas_min", "The policy's `min`."),
    ("most", "replicas_max", "The policy's `max`."),
)
_AGE = Described(
    "autoscaler_sample_age_seconds",
    "gauge",
    ("service", "metric"),
    "Age of the newest sample of a policy's metric.",
)
_KNOWN = Described(
    "autoscaler_metric_known",
    "gauge",
    ("service", "metric"),
    "1 while a policy's metric has a finite, fresh value, and 0 while it has none.",
)
_HEALTH = Described(
    "autoscaler_service_health",
    "gauge",
    ("service", "state"),
    "1 for the state of health that the service is in.",
)
_HELD = Described(
    "autoscaler_service_held",
    "gauge",
    ("service", "held_by"),
    "1 for what keeps the service as it is though something else is wanted.",
)
_ROLLED_BACK = Described(
    "autoscaler_service_rollback_timestamp_seconds",
    "gauge",
    ("service",),
    "When this process last rolled the service back.",
)
SERVICE_ROWS = (
    *(Described(f"autoscaler_service_{n}", "gauge", ("service",), t) for _, n, t in _FIGURES),
    _AGE,
    _KNOWN,
    _HEALTH,
    _HELD,
    _ROLLED_BACK,
)


class ServiceSeries(Collector):
    """The series of each service, made when scraped: a pass over 10,000 stays cheap."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._services: dict[str, Figures] = {}
        self._rolled_back: dict[str, float] = {}

    def show(self, service: str, figures: Figures) -> None:
        """Replace what is shown of a service."""
        self._services[service] = figures

    def drop(self, service: str) -> None:
        """Show no more of it."""
        self._services.pop(service, None)
        self._rolled_back.pop(service, None)

    def rolled_back(self, service: str) -> None:
        """A release of it was taken back just now."""
        self._rolled_back[service] = self._clock()

    def collect(self) -> Iterator[Metric]:
        """One family per figure, then the ages. May run in another thread."""
        services = self._services.copy()
        for attribute, name, text in _FIGURES:
            family = GaugeMetricFamily(f"autoscaler_service_{name}", text, labels=("service",))
            for service, figures in services.items():
                value = getattr(figures, attribute)
                if value is not None:
                    family.add_metric((service,), value)
            yield family
        yield self._ages(services)
        yield self._known(services)
        yield self._states(services)
        yield self._holders(services)
        yield self._rollbacks()

    def _ages(self, services: Mapping[str, Figures]) -> Metric:
        now = self._clock()
        family = GaugeMetricFamily(_AGE.name, _AGE.text, labels=_AGE.labels)
        for service, figures in services.items():
            for metric, sample in figures.shown():
                if sample.at is not None:
                    family.add_metric((service, metric), now - sample.at)
        return family

    def _known(self, services: Mapping[str, Figures]) -> Metric:
        family = GaugeMetricFamily(_KNOWN.name, _KNOWN.text, labels=_KNOWN.labels)
        for service, figures in services.items():
            for metric, sample in figures.shown():
                family.add_metric((service, metric), sample.known)
        return family

    def _holders(self, services: Mapping[str, Figures]) -> Metric:
        family = GaugeMetricFamily(_HELD.name, _HELD.text, labels=_HELD.labels)
        for service, figures in services.items():
            if figures.held_by is not None:
                family.add_metric((service, figures.held_by), 1)
        return family

    def _rollbacks(self) -> Metric:
        family = GaugeMetricFamily(_ROLLED_BACK.name, _ROLLED_BACK.text, labels=("service",))
        for service, at in self._rolled_back.copy().items():
            family.add_metric((service,), at)
        return family

    def _states(self, services: Mapping[str, Figures]) -> Metric:
        family = GaugeMetricFamily(_HEALTH.name, _HEALTH.text, labels=_HEALTH.labels)
        for service, figures in services.items():
            if figures.health is not None:
                family.add_metric((service, figures.health), 1)
        return family

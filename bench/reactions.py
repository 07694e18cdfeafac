"""From moments to figures, and figures as people read them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.relay import Call

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Death:
    """A container's end; in Unix seconds."""

    service: str
    died: float
    """The engine's stamp."""
    read: float
    """When a raw subscriber had read the event."""


@dataclass(frozen=True, slots=True)
class Step:
    """A metric that changed, and what was done about it; in Unix seconds."""

    service: str
    """The service's id."""
    at: float
    read: float
    """When somebody first read the new value."""
    running: float = float("nan")
    """When the new task ran."""


def of_deaths(deaths: Sequence[Death], calls: Sequence[Call]) -> Document:
    """To the raw subscriber, to the product's look at the service, and how much later that is."""
    raw = [1e3 * (one.read - one.died) for one in deaths]
    called = [1e3 * (_look(one, calls) - one.died) for one in deaths]
    later = [mine - theirs for mine, theirs in zip(called, raw, strict=True)]
    return {"raw_ms": spread(raw), "call_ms": spread(called), "later_ms": spread(later)}


def of_steps(steps: Sequence[Step], calls: Sequence[Call]) -> Document:
    """To the first read of the new value, and to the write."""
    written = [_write(one, calls) for one in steps]
    pairs = [*zip(steps, written, strict=True)]
    return {
        "read_s": spread([one.read - one.at for one in steps]),
        "after_read_s": spread([at - one.read for one, at in pairs]),
        "call_s": spread([at - one.at for one, at in pairs]),
        "running_s": spread([one.running - at for one, at in pairs]),
    }


def of_storms(storms: Sequence[Sequence[Step]], calls: Sequence[Call]) -> Document:
    """From the read of all new values to the first and the last write."""
    spans = [[_write(one, calls) - one.read for one in storm] for storm in storms]
    return {
        "services": len(storms[0]),
        "first_s": spread([min(span) for span in spans]),
        "last_s": spread([max(span) for span in spans]),
    }


def _look(death: Death, calls: Iterable[Call]) -> float:
    """When the product first asked for the service after the death."""
    return _first(
        (c for c in calls if c.method == "GET" and c.path.startswith("/services?")), death.service,
        death.died,
    )  # fmt: skip


def _write(step: Step, calls: Iterable[Call]) -> float:
    """When the product first wrote the service after the step."""
    return _first((c for c in calls if c.method == "POST"), step.service, step.at)


def _first(calls: Iterable[Call], service: str, after: float) -> float:
    found = next((c.at for c in calls if c.at > after and service in c.path), None)
    if found is None:
        raise LookupError(f"nothing was done about {service} after {after:.3f}")
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile (the nearest rank), and how far it goes."""
    ordered = sorted(values)
    return {
        "n": len(ordered),
        "p50": round(statistics.median(ordered), 4),
        "p99": round(ordered[-(-99 * len(ordered) // 100) - 1], 4),
        "least": round(ordered[0], 4),
        "most": round(ordered[-1], 4),
    }


def show(report: Document) -> None:
    """For people."""
    print(report["machine"])
    print(f"load {report['load_before'][0]} before, {report['load_after'][0]} after\n")
    print(f"{'':42} {'n':>4} {'p50':>9} {'p99':>9} {'least':>9} {'most':>9}")
    for told, one in rows(report):
        figures = " ".join(f"{one[key]:9.3f}" for key in ("p50", "p99", "least", "most"))
        print(f"{told:42} {one['n']:4} {figures}")


def rows(report: Document) -> Iterator[tuple[str, Document]]:
    """What was measured, in words, and its figures."""
    for kind, figures in report.items():
        for key, told in TOLD.get(kind, {}).items():
            yield told, figures[key] if key else figures


_STEPS = {
    "read_s": "step -> first read, s",
    "after_read_s": "  first read -> call, s",
    "call_s": "  step -> call, s",
    "running_s": "  call -> running, s",
}
TOLD: dict[str, dict[str, str]] = {
    "death": {
        "raw_ms": "death -> raw subscriber, ms",
        "call_ms": "death -> product's call, ms",
        "later_ms": "  later than the subscriber, ms",
    },
    "prometheus": {**_STEPS, "read_s": "Prometheus, 5 s: step -> scrape, s"},
    "scrape": {**_STEPS, "read_s": "source scrape, 1 s: step -> read, s"},
    "running": {"": "call -> running, bare client, s"},
    "storm": {
        "first_s": "100 at once: read -> first call, s",
        "last_s": "  read -> last call, s",
        "raw_s": "  first -> last call, bare client, s",
    },
}

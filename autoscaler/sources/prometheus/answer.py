"""What a reply says, read with suspicion.

A reply is believed only if the HTTP status is 200, the body is JSON and says so, its
`status` is "success" and every series has the form that Prometheus documents. Values may
still be NaN or infinite here; `judge.py` decides what each is worth.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from autoscaler.errors import Permanent, Temporary
from autoscaler.sources.prometheus import age
from autoscaler.sources.prometheus.connection import Reply

_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?|NaN|[+-]Inf")
_TASK = re.compile(r"(?:.*\.)?([a-z0-9]{25})")
_HINTS = {
    **dict.fromkeys((301, 302, 303, 307, 308), "a redirection, which is not followed"),
    **dict.fromkeys((401, 403, 407), "the login is refused"),
    404: "nothing there; is this the base URL of a Prometheus?",
}
_RANGE = "an instant query must give a vector or a scalar"


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled value."""

    labels: Mapping[str, str]
    value: float
    at: float
    """When the query was evaluated, by the server's clock."""
    measured: float | None = None
    """When its (oldest) sample was taken, where that was asked and is known."""
    problem: str = ""
    """Why there is no number, if there is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that can be believed."""

    series: tuple[Series, ...]
    scalar: bool = False
    aged: bool = False
    """Whether the age of the samples was asked."""
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    date: float | None = None
    """The server's clock when it answered, in whole seconds."""
    _indexes: dict[object, Mapping[str, list[Series]]] = field(default_factory=dict)

    def having(self, label: str, value: str) -> Sequence[Series]:
        """The series whose label has this value."""
        return self._index(label, by_label).get(value, ())

    def of_tasks(self, label: str, tasks: Iterable[str]) -> dict[str, list[Series]]:
        """The series of these tasks, by id, where there are any."""
        index = self._index(label, by_task)
        return {task: index[task] for task in tasks if task in index}

    def measured(self) -> dict[frozenset[tuple[str, str]], float]:
        """When each series was measured, by its labels, where that was told."""
        return {
            frozenset(one.labels.items()): one.measured
            for one in self.series
            if one.measured is not None and math.isfinite(one.measured)
        }

    def _index(self, label: str, group: Grouping) -> Mapping[str, list[Series]]:
        """Made once, so that many services can share an answer cheaply."""
        key = (label, group)
        if key not in self._indexes:
            self._indexes[key] = group(self.series, label)
        return self._indexes[key]


Grouping = Callable[[Sequence[Series], str], dict[str, list[Series]]]


def by_label(series: Sequence[Series], label: str) -> dict[str, list[Series]]:
    """Group series by a label's value."""
    grouped: dict[str, list[Series]] = {}
    for one in series:
        if label in one.labels:
            grouped.setdefault(one.labels[label], []).append(one)
    return grouped


def by_task(series: Sequence[Series], label: str) -> dict[str, list[Series]]:
    """Group series by the task that a label names: by its id, or as `shop_web.3.<id>`."""
    grouped: dict[str, list[Series]] = {}
    for one in series:
        if found := _TASK.fullmatch(one.labels.get(label, "")):
            grouped.setdefault(found[1], []).append(one)
    return grouped


def understand(reply: Reply, *, aged: bool, max_series: int) -> Answer:
    """Read a reply to a query that was (`aged`) or was not extended by `age.with_age`.

    Raises Permanent when the query is wrong, Temporary when the answer is.
    """
    envelope = succeeded(reply)
    scalar, series = _result(envelope.get("data"), max_series * (2 if aged else 1))
    if aged:
        series = _joined_with_age(series)
    return Answer(
        series=series,
        scalar=scalar,
        aged=aged,
        warnings=texts(envelope.get("warnings")),
        infos=texts(envelope.get("infos")),
        date=reply.date,
    )


def succeeded(reply: Reply) -> dict[str, Any]:
    """What a server answers that has done what it was asked.

    Raises Permanent when the query is wrong, Temporary when the answer is.
    """
    envelope = _envelope(reply)
    if reply.status in (400, 422):
        raise Permanent(f"the query is wrong: {shorten(envelope.get('error'))}")
    if reply.status != 200 or envelope.get("status") != "success":
        raise Temporary(f"HTTP {reply.status}: {shorten(envelope.get('error')) or 'no success'}")
    return envelope


def shorten(text: object, length: int = 200) -> str:
    """A server's text, fit for a log: printable, on one line, not long."""
    line = " ".join(str(text or "")[: length * 2].split())
    clean = "".join(one if one.isprintable() else "?" for one in line)
    return clean if len(clean) <= length else f"{clean[: length - 1]}…"


def _envelope(reply: Reply) -> dict[str, Any]:
    if reply.content_type != "application/json":
        kind = shorten(reply.content_type, 40) or "nothing that it names"
        hint = _HINTS.get(reply.status, f"{kind} instead of JSON")
        raise Temporary(f"HTTP {reply.status}: {hint}")
    try:
        envelope = json.loads(reply.body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Temporary(f"HTTP {reply.status}: broken JSON") from error
    if not isinstance(envelope, dict):
        raise Temporary(f"HTTP {reply.status}: JSON that is not Prometheus' answer")
    return envelope


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _result(data: Any, most: int) -> tuple[bool, tuple[Series, ...]]:
    """Whether it is a scalar, and the series."""
    kind = data.get("resultType") if isinstance(data, dict) else None
    if kind in ("matrix", "string"):
        raise Permanent(f"the query is wrong: it gives a {kind}; {_RANGE}")
    if kind == "scalar":
        return True, (one_series({"metric": {}, "value": data.get("result")}),)
    if kind != "vector" or not isinstance(data.get("result"), list):
        raise Temporary("an answer without a result")
    if len(data["result"]) > most:
        raise Temporary(f"an answer of {len(data['result'])} series; the bound is {most}")
    return False, tuple(one_series(item) for item in data["result"])


def one_series(item: Any) -> Series:
    """One labelled value. Raises Temporary."""
    labels = item.get("metric") if isinstance(item, dict) else None
    if not isinstance(labels, dict) or not all(type(text) is str for text in labels.values()):
        raise Temporary("an answer with a series without labels")
    if "value" not in item and "histogram" in item:
        at, _ = _point(item["histogram"])
        why = "a native histogram is no number; ask for a quantile or count of it"
        return Series(labels, math.nan, at, problem=why)
    at, text = _point(item.get("value"))
    if type(text) is not str or not _NUMBER.fullmatch(text):
        raise Temporary("an answer with a value that is not a number")
    return Series(labels, float(text), at)


def _point(point: Any) -> tuple[float, Any]:
    if not isinstance(point, list) or len(point) != 2 or type(point[0]) not in (int, float):
        raise Temporary("an answer with a value that is not a pair of time and text")
    try:
        at = float(point[0])
    except OverflowError:
        at = math.inf
    if not math.isfinite(at):
        raise Temporary("an answer with a time that is not finite")
    return at, point[1]


def texts(found: Any) -> tuple[str, ...]:
    """Warnings or infos; anything that is there counts, whatever its form."""
    if not found:
        return ()
    return tuple(shorten(text) for text in (found if isinstance(found, list) else [found])[:10])


def _joined_with_age(series: tuple[Series, ...]) -> tuple[Series, ...]:
    """Values with the times that `age.with_age` asked beside them."""
    times = {_identity(one): one.value for one in series if age.LABEL in one.labels}
    return tuple(
        Series(one.labels, one.value, one.at, times.get(_identity(one)), one.problem)
        for one in series
        if age.LABEL not in one.labels
    )


def _identity(series: Series) -> frozenset[tuple[str, str]]:
    # `timestamp` and aggregations drop the metric's name.
    left_out = ("__name__", age.LABEL)
    return frozenset(item for item in series.labels.items() if item[0] not in left_out)

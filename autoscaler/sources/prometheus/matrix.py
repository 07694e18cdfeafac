"""What a server says of the past: the answer that it would have given at each moment."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from autoscaler.errors import Permanent, Temporary
from autoscaler.ports import Span
from autoscaler.sources.prometheus.answer import Answer, Series, one_series, succeeded, texts
from autoscaler.sources.prometheus.connection import Reply


def understand_range(reply: Reply, span: Span, max_series: int) -> list[Answer]:
    """An answer for each moment of the span, without series where there were none.

    Raises Permanent when the query is wrong, Temporary when the answer is.
    """
    envelope = succeeded(reply)
    by_moment: dict[int, list[Series]] = defaultdict(list)
    for item in _items(envelope.get("data"), max_series):
        for point in item["values"]:
            one = one_series({"metric": item.get("metric"), "value": point})
            by_moment[round((one.at - span.start) / span.step)].append(one)
    warnings = texts(envelope.get("warnings"))
    return [
        Answer(series=tuple(by_moment.get(place, ())), warnings=warnings, date=moment)
        for place, moment in enumerate(span.moments)
    ]


def _items(data: Any, most: int) -> list[dict[str, Any]]:
    kind = data.get("resultType") if isinstance(data, dict) else None
    items = data.get("result") if kind == "matrix" else None
    if not isinstance(items, list):
        raise Temporary("an answer without a matrix")
    if len(items) > most:
        raise Temporary(f"an answer of {len(items)} series; the bound is {most}")
    if any(isinstance(item, dict) and "histograms" in item for item in items):
        raise Permanent("a native histogram is no number; ask for a quantile or count of it")
    if not all(isinstance(item, dict) and isinstance(item.get("values"), list) for item in items):
        raise Temporary("an answer with a series without values")
    return items

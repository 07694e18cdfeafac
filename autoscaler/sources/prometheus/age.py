"""How old a value really is.

An instant query answers with the time of its evaluation, however old the samples behind it
are (up to Prometheus' look-back, five minutes). Where the samples can be named, that is for
a plain selector and for `sum|avg|max|min|count [by (...)] (selector)`, also where the selector
stands in a `rate(selector[range])` or the like, their age is asked in the same request: the
query goes on with

    or label_replace(min by (...) (timestamp(selector)), "__measured__", "1", "", "")

so that value and age come from one evaluation and cost no second round trip. The label
keeps the two apart. An aggregate is as old as its *oldest* part: otherwise the frozen value
of a dead exporter would hide behind its living siblings.

A rate goes on for as long as its range is, ever lower, after the last exporter has died. Its
series have ended by then, so there is a value without an age, which is stale.

Of any other expression (arithmetic, a selector with `offset`, a subquery) the age is the time
of evaluation.
"""

from __future__ import annotations

import re
from functools import lru_cache

from autoscaler.sources.prometheus.promql import MATCHERS, Token, tokens

LABEL = "__measured__"
"""Marks the series that tell a time of measurement instead of a value."""

_AGGREGATIONS = frozenset({"sum", "avg", "max", "min", "count"})
_NOT_METRICS = frozenset({"nan", "inf"})
# Grammar over one letter per token: w word, s string, m matcher operator.
_SELECTOR = r"w(?:\{(?:wms(?:,wms)*,?)?\})?"
_GROUPING = r"w\((?:w(?:,w)*,?)?\)"
_PLAIN = re.compile(_SELECTOR)
_AGGREGATE = re.compile(rf"w({_GROUPING})?\(({_SELECTOR})\)({_GROUPING})?")
_OF_RANGE = re.compile(rf"w({_GROUPING})?\(w\(({_SELECTOR})\[[w?]+\]\)\)({_GROUPING})?")
_RANGE_FUNCTIONS = frozenset(
    {
        "rate",
        "irate",
        "increase",
        "delta",
        "idelta",
        "deriv",
        "changes",
        "resets",
        "avg_over_time",
        "sum_over_time",
        "min_over_time",
        "max_over_time",
        "count_over_time",
        "last_over_time",
    }
)


@lru_cache(maxsize=4096)
def with_age(query: str) -> str:
    """The query, extended to tell the age of what it answers where that can be asked."""
    asked = _age(query, tokens(query))
    if asked is None:
        return query
    # On a line of its own: the query may end in a comment.
    return f'{query}\nor label_replace({asked}, "{LABEL}", "1", "", "")'


def _age(query: str, found: list[Token]) -> str | None:
    letters = "".join(_letter(token) for token in found)
    if _PLAIN.fullmatch(letters):
        return _timestamp(query, found)
    match = _AGGREGATE.fullmatch(letters) or _OF_RANGE.fullmatch(letters)
    if match is None or found[0].text.lower() not in _AGGREGATIONS:
        return None
    if "[" in letters and not _is_range(found[match.start(2) - 2], found[match.end(2) :]):
        return None
    selector = _timestamp(query, found[match.start(2) : match.end(2)])
    grouping = [found[slice(*match.span(group))] for group in (1, 3) if match[group]]
    if selector is None or len(grouping) > 1 or not all(map(_groups, grouping)):
        return None
    return f"min {' '.join(_text(query, part) for part in grouping)} ({selector})"


def _is_range(function: Token, rest: list[Token]) -> bool:
    """Whether a known function takes a range; a subquery has a colon in its brackets."""
    end = next(place for place, token in enumerate(rest) if token.text == "]")
    subquery = any(":" in token.text for token in rest[:end])
    return function.text.lower() in _RANGE_FUNCTIONS and not subquery


def _letter(token: Token) -> str:
    if token.text in MATCHERS:
        return "m"
    return (
        token.text if token.text in "(){}[]," else {"word": "w", "string": "s"}.get(token.kind, "?")
    )


def _timestamp(query: str, selector: list[Token]) -> str | None:
    """None without a metric's name: `timestamp` drops it, and series would fall together."""
    words = [token.text for token in selector if token.kind == "word"]
    if words[0].lower() in _NOT_METRICS or "__name__" in words:
        return None
    return f"timestamp({_text(query, selector)})"


def _groups(part: list[Token]) -> bool:
    return part[0].text.lower() in ("by", "without")


def _text(query: str, part: list[Token]) -> str:
    return query[part[0].start : part[-1].end]

"""What an Alertmanager posts to a webhook; and what it never would, by a seed.

webhook([firing_alert("WebSlow", service="shop_web")])
for headers, body in Hostile(seed=1).bodies(1000): ...
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any

START = 1_700_000_000.0
JSON = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.25.0"}


def alert(
    name: str, status: str = "firing", *, start: float = START, end: float = 0.0, **labels: str
) -> dict[str, Any]:
    """An alert of the webhook; without an end Go's zero time."""
    named = {"alertname": name, **labels}
    return {
        "status": status,
        "labels": named,
        "annotations": {"summary": f"{name} of {labels.get('service', 'all')}"},
        "startsAt": _time(start),
        "endsAt": _time(end) if end else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": sha256(repr(sorted(named.items())).encode()).hexdigest()[:16],
    }


def document(alerts: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """A whole document of the webhook, version 4."""
    fires = any(each["status"] == "firing" for each in alerts)
    return {
        "version": "4",
        "groupKey": '{}:{alertname="x"}',
        "truncatedAlerts": 0,
        "status": "firing" if fires else "resolved",
        "receiver": "autoscaler",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
        **changes,
    }


def webhook(alerts: Sequence[Mapping[str, Any]], **changes: Any) -> bytes:
    """The same, as it is posted."""
    return json.dumps(document(alerts, **changes)).encode()


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 10**400, 1.5, float("nan"), float("inf")),
    *("", "x" * 70_000, "\x00", "\ud800", "🐳", "4", "firing", "9999-12-31T23:59:59-23:59"),
    *("0000-00-00T00:00:00Z", "2023-11-14T22:13:20", "now", "../../etc/passwd", "'; drop table"),
    *([], [[]], {}, {"": ""}, {"a": {"b": []}}, [None] * 50, {"fingerprint": 1}),
)
"""Values that stand where others are expected."""


class Hostile:
    """Bodies as accidents and enemies make them; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._ways: tuple[Callable[[], bytes], ...] = (
            *(self._noise, self._cut, self._flipped, self._nested, self._doubled),
            *(self._odd, self._odd, self._odd, self._odd, self._good),
        )

    def bodies(self, count: int) -> Iterator[tuple[dict[str, str], bytes]]:
        """So many requests: headers and body."""
        for _ in range(count):
            body = self._random.choice(self._ways)()
            yield self._headers(), body

    def _headers(self) -> dict[str, str]:
        headers = dict(JSON)
        if self._random.random() < 0.03:
            kinds = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
            headers["Content-Type"] = self._random.choice(kinds)
        if self._random.random() < 0.02:
            headers["Content-Encoding"] = self._random.choice(("gzip", "deflate", "br", "none"))
        return headers

    def _document(self) -> dict[str, Any]:
        alerts = [
            alert(
                f"A{self._random.randrange(200)}",
                self._random.choice(("firing", "resolved")),
                start=START + self._random.randrange(-3600, 3600),
                end=START + self._random.randrange(-3600, 3600),
            )
            for _ in range(self._random.randrange(1, 6))
        ]
        return document(alerts)

    def _good(self) -> bytes:
        return json.dumps(self._document()).encode()

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.randrange(2000))

    def _cut(self) -> bytes:
        whole = self._good()
        return whole[: self._random.randrange(len(whole))]

    def _flipped(self) -> bytes:
        body = bytearray(self._good())
        for _ in range(self._random.randrange(1, 5)):
            body[self._random.randrange(len(body))] = self._random.randrange(256)
        return bytes(body)

    def _nested(self) -> bytes:
        opening = self._random.choice((b"[", b'{"a":', b'{"alerts":['))
        return opening * self._random.randrange(1, 3000)

    def _doubled(self) -> bytes:
        return self._good()[:-1] + b"," + self._good()[1:]

    def _odd(self) -> bytes:
        """Something else in some place."""
        whole = self._document()
        for _ in range(self._random.randrange(1, 4)):
            self._disturb(whole)
        return json.dumps(whole).encode("utf-8", "surrogatepass")

    def _disturb(self, value: Any) -> None:
        while True:
            keys = list(value) if isinstance(value, dict) else list(range(len(value)))
            if not keys:
                return
            key = self._random.choice(keys)
            deeper = isinstance(value[key], dict | list) and value[key]
            if deeper and self._random.random() < 0.8:
                value = value[key]
                continue
            self._replace(value, key)
            return

    def _replace(self, value: Any, key: Any) -> None:
        if self._random.random() < 0.3:
            del value[key]
        else:
            value[key] = deepcopy(self._random.choice(ODD))

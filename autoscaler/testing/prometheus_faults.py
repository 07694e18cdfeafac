"""What may go wrong between a source and Prometheus, by name.

Each is a function for `FakePrometheus.fault`. Whatever of these happens, there is no value
to act on; with `warnings` there is a partial one.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from autoscaler.testing.prometheus import Fault

MEBIBYTE = 2**20
_HTML = "<html><body><h1>Bad Gateway</h1></body></html>"


def _status(status: int, body: str = _HTML, content_type: str = "text/html") -> Fault:
    async def answer(_request: web.Request, _good: dict[str, Any]) -> web.StreamResponse:
        headers = {"Location": "/api/v1/query"} if 300 <= status < 400 else {}
        return web.Response(status=status, text=body, content_type=content_type, headers=headers)

    return answer


def _refusal(status: int, kind: str) -> Fault:
    """An error in Prometheus' words, with data beside it, as it may be."""

    async def answer(_request: web.Request, good: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(
            {**good, "status": "error", "errorType": kind, "error": "no"}, status=status
        )

    return answer


def _body(
    spoil: Callable[[bytes], bytes], content_type: str = "application/json", **headers: str
) -> Fault:
    """The good answer with its bytes spoilt."""

    async def answer(_request: web.Request, good: dict[str, Any]) -> web.StreamResponse:
        body = spoil(json.dumps(good).encode())
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return web.Response(body=body, content_type=content_type, headers=named)

    return answer


def _data(spoil: Callable[[dict[str, Any]], Any]) -> Fault:
    """The good answer with its `data` replaced."""

    async def answer(_request: web.Request, good: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({**good, "data": spoil(good["data"])})

    return answer


def _points(spoil: Callable[[Any], Any]) -> Fault:
    """The good answer with each series' `value` replaced."""

    def spoilt(data: dict[str, Any]) -> dict[str, Any]:
        series = [{**one, "value": spoil(one["value"])} for one in data["result"]]
        return {**data, "result": series}

    return _data(spoilt)


def _text(value: object) -> Fault:
    return _points(lambda point: [point[0], value])


def _raw(data: bytes, *, then: str) -> Fault:
    """Bytes instead of HTTP; then `hang`, `close`, or go on dripping with `drip`."""

    async def answer(request: web.Request, _good: dict[str, Any]) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return web.Response()
        transport.write(data)
        while then == "drip":
            await asyncio.sleep(0.05)
            transport.write(b" ")
        if then == "hang":
            await asyncio.sleep(3600)
        transport.close()
        return web.Response()

    return answer


def _reset(before: bytes) -> Fault:
    """Some bytes, and a TCP reset."""

    async def answer(request: web.Request, _good: dict[str, Any]) -> web.StreamResponse:
        transport = request.transport
        if transport is not None:
            transport.write(before)
            await asyncio.sleep(0.02)
            used: socket.socket = transport.get_extra_info("socket")
            used.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return web.Response()

    return answer


async def _endless(request: web.Request, _good: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with suppress(ConnectionError):
        while True:
            await response.write(b" " * 65536)
    return response


async def _packed_bomb(request: web.Request, _good: dict[str, Any]) -> web.StreamResponse:
    body = gzip.compress(b" " * (64 * MEBIBYTE), compresslevel=1)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return web.Response(body=body, headers=headers)


async def _duplicate_status(_request: web.Request, good: dict[str, Any]) -> web.StreamResponse:
    body = json.dumps({**good, "status": "success"})[:-1] + ', "status": "error"}'
    return web.Response(text=body, content_type="application/json")


def _before_value(text: bytes) -> Callable[[bytes], bytes]:
    return lambda body: body.replace(b'"value": [', text)


def _twice(data: dict[str, Any]) -> dict[str, Any]:
    again = [{**one, "metric": {**one["metric"], "copy": "2"}} for one in data["result"]]
    return {**data, "result": data["result"] + again}


def _without(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "result": []}


def _many(data: dict[str, Any]) -> dict[str, Any]:
    """More series than a source should take."""
    first = data["result"][0]
    return {**data, "result": [{**first, "metric": {"n": str(n)}} for n in range(20_000)]}


def _histograms(data: dict[str, Any]) -> dict[str, Any]:
    heap = {"count": "1", "sum": "1", "buckets": [[0, "0", "1", "1"]]}
    series = [
        {"metric": one["metric"], "histogram": [one["value"][0], heap]} for one in data["result"]
    ]
    return {**data, "result": series}


def _kind(kind: str, result: Any) -> Fault:
    return _data(lambda _data: {"resultType": kind, "result": result})


def _labels(labels: Any) -> Fault:
    return _data(
        lambda data: {**data, "result": [{**one, "metric": labels} for one in data["result"]]}
    )


_STATUSES = (400, 401, 403, 404, 406, 408, 409, 422, 429, 499, 500, 502, 503, 504)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_HALF = _HEAD + b'Content-Length: 5000\r\n\r\n{"status":"success","data":'

FAULTS: Mapping[str, Fault] = {
    **{f"http {status}": _status(status) for status in _STATUSES},
    "redirect": _status(302),
    "no content": _status(204, ""),
    "part of the content": _status(206, '{"status":"success"}', "application/json"),
    "bad query": _refusal(400, "bad_data"),
    "refused to execute": _refusal(422, "execution"),
    "query timed out": _refusal(503, "timeout"),
    "internal error": _refusal(500, "internal"),
    "error with status 200": _refusal(200, "internal"),
    "login page": _status(200),
    "JSON as text": _body(lambda body: body, "text/plain"),
    "nothing": _body(lambda _: b""),
    "noise": _body(lambda _: bytes(range(256))),
    "null": _body(lambda _: b"null"),
    "list": _body(lambda body: b"[" + body + b"]"),
    "cut JSON": _body(lambda body: body[:-9]),
    "deep JSON": _body(lambda _: b"[" * 100_000),
    "deep JSON in data": _body(lambda _: b'{"status":"success","data":' + b'{"a":' * 9999),
    "packed": _body(gzip.compress, Content_Encoding="gzip"),
    "packed bomb": _packed_bomb,
    "endless": _endless,
    "huge": _body(lambda body: body + b" " * (5 * MEBIBYTE)),
    "hang": _raw(b"", then="hang"),
    "hang in the headers": _raw(_HEAD, then="hang"),
    "hang in the body": _raw(_HALF, then="hang"),
    "dripping status": _raw(b"HTTP/1.1 200", then="drip"),
    "dripping headers": _raw(_HEAD + b"X-Slow: ", then="drip"),
    "dripping body": _raw(_HALF, then="drip"),
    "dripping chunk size": _raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", then="drip"),
    "dripping to the end": _raw(_HEAD + b"Connection: close\r\n\r\n", then="drip"),
    "half a body": _raw(_HALF, then="close"),
    "closed at once": _raw(b"", then="close"),
    "reset at once": _reset(b""),
    "reset in the body": _reset(_HALF),
    "not HTTP": _raw(b"SSH-2.0-OpenSSH_9.2\r\n", then="close"),
    "too many headers": _raw(_HEAD + b"X: 1\r\n" * 200 + b"\r\n{}", then="close"),
    "impossible length": _raw(_HEAD + b"Content-Length: -5\r\n\r\n{}", then="close"),
    "success, then error": _duplicate_status,
    "no data": _data(lambda _: None),
    "no result": _data(lambda data: {"resultType": data["resultType"]}),
    "result null": _data(lambda data: {**data, "result": None}),
    "empty": _data(_without),
    "many series": _data(_twice),
    "far too many series": _data(_many),
    "matrix": _kind("matrix", [{"metric": {}, "values": [[1, "1"]]}]),
    "string": _kind("string", [1, "up"]),
    "unknown type": _kind("tensor", []),
    "scalar of nothing": _kind("scalar", None),
    "histogram": _data(_histograms),
    "labels missing": _labels(None),
    "labels not text": _labels({"a": 1}),
    "NaN": _text("NaN"),
    "+Inf": _text("+Inf"),
    "-Inf": _text("-Inf"),
    "overflow": _text("1e999"),
    "negative overflow": _text("-1e999"),
    "a number, not text": _text(5),
    "a huge number": _points(lambda point: [point[0], 10**400]),
    "true": _text(True),
    "no value": _text(None),
    "empty value": _text(""),
    "words": _text("many"),
    "underscores": _text("1_000"),
    "hexadecimal": _text("0x10"),
    "other digits": _text("\u0665"),
    "half a pair": _points(lambda point: point[:1]),
    "time is text": _points(lambda point: [str(point[0]), point[1]]),
    "time is huge": _points(lambda point: [10**400, point[1]]),
    "time is NaN": _points(lambda point: [float("nan"), point[1]]),
    "time is infinite": _body(_before_value(b'"value": [1e999, "1"], "old": [')),
    "5000 digits": _body(_before_value(b'"n": ' + b"9" * 5000 + b', "value": [')),
    "kept by a cache": _points(lambda point: [point[0] - 3600, point[1]]),
}
"""By a name that says what happens."""

SLOW = frozenset(name for name in FAULTS if name.startswith(("hang", "dripping", "endless")))
"""Those that only a deadline ends."""

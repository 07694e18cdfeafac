"""Errors as `application/problem+json` (RFC 9457): whatever is refused says why, and what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from math import ceil

from aiohttp import web
from aiohttp.typedefs import Middleware

from autoscaler.errors import AutoscalerError, Gone, Temporary
from autoscaler.redaction import redacted_text
from autoscaler.telemetry import Telemetry

CONTENT_TYPE = "application/problem+json"
TRY_AGAIN = 5.0
"""Seconds after which what failed for now may be tried again."""

_PASSED_ON = ("Allow", "Retry-After", "WWW-Authenticate")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """An answer that refuses. Raised by handlers; `problems` sends it."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The answer."""
        told = {"title": self.status.phrase, "status": self.status, "detail": self.detail}
        return web.json_response(
            told,
            status=self.status,
            headers={**self.headers, "Cache-Control": "no-store"},
            content_type=CONTENT_TYPE,
        )


def problems(telemetry: Telemetry) -> Middleware:
    """What makes problems of all errors. A fault of ours is logged, and not shown."""
    failing: set[str] = set()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except Problem as error:
            return error.response()
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            return _of_http(error).response()
        except Exception as error:  # noqa: BLE001 - a request must not be left without an answer
            failing.add(_place(request))
            telemetry.error("api", error)
            return _of_ours(error).response()
        if failing:
            failing.discard(_place(request))
            if not failing:
                telemetry.well("api")
        return answer

    return middleware


def _place(request: web.Request) -> str:
    """The route, not the path: there are only so many."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical}" if resource else ""


def _of_http(error: web.HTTPException) -> Problem:
    """Only what aiohttp says of sizes tells more than the status does."""
    status = HTTPStatus(error.status)
    told = error.text if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE else status.description
    headers = {name: error.headers[name] for name in _PASSED_ON if name in error.headers}
    return Problem(status, told or status.phrase, headers)


def _of_ours(error: Exception) -> Problem:
    if not isinstance(error, AutoscalerError):
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of ours; the log tells of it")
    told = redacted_text(str(error))
    if isinstance(error, Temporary):
        after = {"Retry-After": str(ceil(TRY_AGAIN))}
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, told, after)
    if isinstance(error, Gone):
        return Problem(HTTPStatus.NOT_FOUND, told)
    # Also what is stored and cannot be read is Invalid; what was asked wrongly is a Problem.
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, told)

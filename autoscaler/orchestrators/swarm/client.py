"""One request to the engine: its API version, its deadline, its errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from autoscaler.addresses import shown
from autoscaler.errors import Conflict, Permanent
from autoscaler.orchestrators.swarm.connection import Connection, Connector
from autoscaler.orchestrators.swarm.documents import read_body, read_start
from autoscaler.orchestrators.swarm.failures import WrongVersion, message_of, refusal, silence
from autoscaler.orchestrators.swarm.settings import SwarmSettings

OLDEST = (1, 41)
"""The first API version whose service list counts tasks (`status=true`)."""
BODY_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 64 * 1024

Filters = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: the body, and the version of the API that it was asked and answered in."""

    body: bytes
    api: str


class EngineClient:
    """Speaks to one engine. Every call ends within `settings.timeout` seconds."""

    def __init__(self, settings: SwarmSettings, connector: Connector | None = None) -> None:
        """`connector` makes connections in place of those to `settings.host`."""
        self._settings = settings
        self._connection = Connection(settings, connector)
        self._api: str | None = None
        self._negotiating = asyncio.Lock()

    async def get(self, path: str, filters: Filters | None = None, **params: str) -> Answer:
        """GET `path` below the version. Raises Temporary or Permanent."""
        if filters:
            params["filters"] = json.dumps(filters, separators=(",", ":"))
        try:
            return await self._call("GET", await self.api(), path, params)
        except WrongVersion:
            # Another engine than the one that was negotiated with; it has refused to look.
            return await self._call("GET", await self.api(), path, params)

    async def post(self, path: str, document: object, api: str, **params: str) -> Answer:
        """POST `document` at the version `api` of the API that it was read at.

        Raises Conflict when the engine has changed its version since, OutcomeUnknown when
        the request went out and no answer came, Temporary and Permanent as `get`.
        """
        if api != await self.api():
            raise Conflict("the engine changed its API version between read and write")
        body = json.dumps(document, separators=(",", ":")).encode()
        try:
            return await self._call("POST", api, path, params, body)
        except WrongVersion as error:
            raise Conflict(str(error)) from error

    async def api(self) -> str:
        """The newest API version of the engine: an older one would hide fields of specs."""
        async with self._negotiating:
            if self._api is None:
                self._api = await self._negotiate()
            return self._api

    async def stream(self, path: str, params: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Open an answer without end; the caller closes it. Raises Temporary or Permanent."""
        api = await self.api()
        async with self._deadline(write=False):
            return await self._open("GET", f"{api}/{path}", params)

    async def close(self) -> None:
        """Give back connections; idempotent."""
        await self._connection.close()

    async def _negotiate(self) -> str:
        async with self._deadline(write=False), await self._open("GET", "_ping", {}) as response:
            offered = response.headers.get("Api-Version", "")
        if _numbers(offered) < OLDEST:
            raise Permanent(
                f"{shown(self._settings.host)} offers Docker API {offered or 'none'}, and 1.41 "
                "(Docker Engine 20.10) or newer is needed. Next step: update the engine."
            )
        return f"v{offered}"

    async def _call(
        self,
        method: str,
        api: str,
        path: str,
        params: Mapping[str, str],
        body: bytes | None = None,
    ) -> Answer:
        url = f"{api}/{path}"
        async with (
            self._deadline(write=method != "GET"),
            await self._open(method, url, params, body) as response,
        ):
            return Answer(await read_body(response, BODY_LIMIT), api)

    async def _open(
        self, method: str, path: str, params: Mapping[str, str], body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        """Send, and wait for the head of the answer; an error's body is read and raised."""
        response = await self._connection.request(method, path, params, body)
        self._notice(response.headers.get("Api-Version"))
        if response.status < 300:
            return response
        async with response:
            said = message_of(await read_start(response, ERROR_LIMIT))
        error = refusal(response.status, said, write=method != "GET")
        if isinstance(error, WrongVersion):
            self._api = None
        raise error

    def _notice(self, offered: str | None) -> None:
        """Every answer names the engine's version: forget ours when it was replaced."""
        if offered is not None and self._api not in (None, f"v{offered}"):
            self._api = None

    @asynccontextmanager
    async def _deadline(self, *, write: bool) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._settings.timeout):
                yield
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            raise silence(error, self._settings.host, write=write) from error


def _numbers(version: str) -> tuple[int, ...]:
    """A version to compare; the lowest of all when it is none."""
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        return ()

"""The engine's API as a test speaks it, to the model and to a real engine alike."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp


@dataclass(frozen=True)
class Reply:
    """What the engine said."""

    status: int
    document: Any
    """Parsed JSON, or text that is none."""
    headers: dict[str, str]

    @property
    def message(self) -> str:
        """An error's words."""
        return str(self.document["message"] if isinstance(self.document, dict) else self.document)


class EngineApi:
    """Raw requests: no retries, no errors, no translation."""

    def __init__(self, host: str, version: str = "v1.41") -> None:
        self._socket = host.removeprefix("unix://")
        self._version = version
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.UnixConnector(self._socket)
        timeout = aiohttp.ClientTimeout(total=120)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        api: str | None = None,
        filters: dict[str, list[str]] | None = None,
        **params: str,
    ) -> Reply:
        """One request; `path` begins with a slash, `api` overrides the version of the path."""
        assert self._session is not None
        if filters is not None:
            params["filters"] = json.dumps(filters)
        url = f"http://engine/{self._version if api is None else api}{path}"
        async with self._session.request(method, url, json=document, params=params) as response:
            text = await response.text()
            return Reply(response.status, _parsed(text), dict(response.headers))

    async def get(self, path: str, **more: Any) -> Any:
        """The document of a GET that succeeds."""
        reply = await self.ask("GET", path, **more)
        assert reply.status == 200, reply
        return reply.document

    async def events(self, **params: str) -> AsyncGenerator[dict[str, Any], None]:
        """The event stream, line by line; `filters` is JSON here."""
        assert self._session is not None
        url = f"http://engine/{self._version}/events"
        async with self._session.get(url, params=params) as response:
            async for line in response.content:
                yield json.loads(line)

    async def create(self, spec: dict[str, Any]) -> str:
        """A service's id."""
        reply = await self.ask("POST", "/services/create", spec)
        assert reply.status == 201, reply
        return str(reply.document["ID"])

    async def update(self, service: dict[str, Any], spec: Any, **params: str) -> Reply:
        """Post a spec for a service as it was read."""
        version = str(service["Version"]["Index"])
        path = f"/services/{service['ID']}/update"
        params.setdefault("version", version)
        return await self.ask("POST", path, spec, filters=None, **params)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

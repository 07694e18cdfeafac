"""The connection to the engine: lists, and streams without end.

Over aiohttp itself. aiodocker's connections are bounded at a hundred, of which each stream
holds one, and its methods have no deadline.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from autoscaler.addresses import shown, why
from autoscaler.errors import Permanent, Temporary
from autoscaler.sources.docker.settings import Settings

BODY_LIMIT = 16 * 2**20
LINE_LIMIT = 2**18
"""Bytes of a frame; one of a container with many devices has some thousand."""
_SHOWN = 200


class Gone(Permanent):
    """There is no such container (any more)."""


class Engine:
    """Speaks to one engine; connects at the first request."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._api: str | None = None
        self.closed = False

    async def get(self, path: str, **params: str) -> Any:
        """GET a JSON document within the timeout. Raises Temporary or Permanent."""
        async with self._deadline(), await self._open(path, params) as response:
            body = await _read(response)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Temporary(f"{path}: the answer is not the engine's JSON") from error

    async def lines(self, path: str, **params: str) -> AsyncGenerator[bytes, None]:
        """The lines of an answer without end.

        Raises Gone, Temporary or Permanent: when it does not begin within the timeout,
        falls silent or breaks off. Ends when the engine ends it.
        """
        async with self._deadline():
            response = await self._open(path, params)
        try:
            async for line in self._split(response):
                yield line
        finally:
            # Not released: the answer has no end, so its connection is of no further use.
            response.close()

    async def close(self) -> None:
        """Give back the connections; idempotent."""
        self.closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _split(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        rest = b""
        while chunk := await self._chunk(response):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if line.strip():
                    yield line
            if len(rest) > LINE_LIMIT:
                raise Temporary(f"a frame of more than {LINE_LIMIT} bytes")

    async def _chunk(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            async with asyncio.timeout(self._settings.silence):
                return await response.content.readany()
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            raise Temporary(f"the stream broke: {why(error)}") from error

    async def _open(self, path: str, params: Mapping[str, str]) -> aiohttp.ClientResponse:
        """An answer whose status is good; the caller ends it."""
        api = await self._version()
        response = await self._request(f"{api}/{path}", params)
        if response.status < 300:
            return response
        self._api = None
        async with response:
            raise await _refusal(response)

    async def _version(self) -> str:
        """The newest version of the API: an engine refuses one that it has outgrown."""
        if self._api is None:
            async with await self._request("_ping", {}) as response:
                if response.status >= 300:
                    raise await _refusal(response)
                self._api = f"v{response.headers.get('Api-Version', '1.41')}"
        return self._api

    async def _request(self, path: str, params: Mapping[str, str]) -> aiohttp.ClientResponse:
        if self.closed:
            raise Temporary("the source is closed")
        base = _base(self._settings)
        if self._session is None:
            self._session = _session(self._settings)
        return await self._session.get(f"{base}/{path}", params=params, allow_redirects=False)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._settings.timeout):
                yield
        except TimeoutError:
            host, seconds = shown(self._settings.host), self._settings.timeout
            raise Temporary(f"no answer from {host} within {seconds:g} s") from None
        except (OSError, aiohttp.ClientError) as error:
            raise Temporary(f"no answer from {shown(self._settings.host)}: {why(error)}") from error


def _base(settings: Settings) -> str:
    """Raises Permanent for an address, from the environment, that leads nowhere."""
    kind, _, rest = settings.host.partition("://")
    if kind == "unix":
        return "http://docker"
    if kind not in ("tcp", "http", "https"):
        raise Permanent(
            f"cannot ask {shown(settings.host)}: state `host: unix:///...` or tcp://..."
        )
    return f"{'https' if settings.tls or kind == 'https' else 'http'}://{rest.rstrip('/')}"


def _session(settings: Settings) -> aiohttp.ClientSession:
    """Without a bound of its own: the streams are bounded, and each holds a connection."""
    connector: aiohttp.BaseConnector
    if settings.host.startswith("unix://"):
        connector = aiohttp.UnixConnector(settings.host.removeprefix("unix://"), limit=0)
    else:
        connector = aiohttp.TCPConnector(limit=0, ssl=_tls(settings) if settings.tls else True)
    # Each call has a deadline, each stream a watchdog of its own.
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))


def _tls(settings: Settings) -> ssl.SSLContext:
    """Raises Permanent when a file is of no use."""
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
        if settings.tls_cert is not None:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise Permanent(f"cannot use the TLS files for {shown(settings.host)}: {error}") from error
    return context


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise Permanent(f"an answer of more than {BODY_LIMIT} bytes")
    return bytes(body)


async def _refusal(response: aiohttp.ClientResponse) -> Temporary | Permanent:
    start = (await response.content.read(1000)).decode("utf-8", "replace")
    said = "".join(one if one.isprintable() else " " for one in start)[:_SHOWN].strip()
    told = f"the engine answered {response.status}: {said}"
    if response.status == 404:
        return Gone(told)
    return Permanent(told) if response.status in (401, 403) else Temporary(told)

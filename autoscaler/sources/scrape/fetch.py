"""One page, by one bounded request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from autoscaler.addresses import why
from autoscaler.errors import Temporary
from autoscaler.names import Names
from autoscaler.sources.scrape.settings import Settings

_HEADERS = {
    "Accept": "text/plain;version=0.0.4",
    # Packed pages are refused: a small one can grow without bound.
    "Accept-Encoding": "identity",
    "User-Agent": "autoscaler",
}
_TEXT = frozenset({"text/plain", "application/octet-stream", ""})


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page is."""

    url: str
    host: str | None = None
    """The name that its certificate is for, where the URL has an address."""


class Fetcher:
    """Fetches pages; connects at the first request."""

    def __init__(self, settings: Settings, names: Names) -> None:
        self._settings = settings
        self._names = names
        self._free = asyncio.Semaphore(settings.concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def fetch(self, page: Page) -> bytes:
        """The page's body. Raises Temporary for whatever is not a whole, good page."""
        try:
            # A page that waits for its turn is not to blame for it.
            async with (
                self._free,
                asyncio.timeout(self._settings.page_timeout),
                await self._request(page) as response,
            ):
                return await self._body(response)
        except TimeoutError:
            raise Temporary(f"no whole page within {self._settings.page_timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Temporary(why(error)) from error

    async def close(self) -> None:
        """Give back the connections; idempotent."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _request(self, page: Page) -> aiohttp.ClientResponse:
        if self._closed:
            raise Temporary("the source is closed")
        if self._session is None:
            self._session = _session(self._names)
        return await self._session.get(page.url, allow_redirects=False, server_hostname=page.host)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        _check_head(response)
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._settings.max_body:
                raise Temporary(f"a page of more than {self._settings.max_body} bytes")
        # Of a page whose end is that of the connection, nobody can tell whether it was cut.
        bounded = response.content_length is not None or "chunked" in response.headers.get(
            "Transfer-Encoding", ""
        )
        if body and not bounded and not body.endswith(b"\n"):
            raise Temporary("the page breaks off in a line")
        return bytes(body)


def _check_head(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise Temporary(f"HTTP {response.status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Temporary("a packed page, which was not asked for")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in _TEXT:
        shown = "".join(one if one.isprintable() else "?" for one in kind[:60])
        raise Temporary(f"{shown} instead of Prometheus' plain text")


def _session(names: Names) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, resolver=names, use_dns_cache=False),
        headers=_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        # The deadline is the caller's.
        timeout=aiohttp.ClientTimeout(total=None),
    )

"""What notifiers that speak HTTP have in common: one POST, and what its answer means."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from autoscaler.addresses import why
from autoscaler.errors import Permanent, Temporary

AGAIN = (408, 425, 429)
"""Refusals that may be over soon; so may all from 500 on."""
LARGEST_SECRET = 16_384


def check_url(url: str) -> str:
    """Raises ValueError that does not repeat the URL: it may hold a secret."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(not each.isprintable() or each.isspace() for each in url):
        raise ValueError("this is not of the form http(s)://host[:port][/path]")
    return url


def read_secret(path: Path) -> str:
    """What a file holds, without the newline that editors add; read for each message.

    Raises Permanent, and never shows what it holds.
    """
    try:
        with path.open("rb") as file:
            secret = file.read(LARGEST_SECRET + 1).decode("utf-8").strip()
    except OSError as error:
        raise Permanent(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Permanent(f"{path} does not hold text") from None
    if not secret or not secret.isprintable() or len(secret) > LARGEST_SECRET:
        raise Permanent(f"{path} does not hold one line of printable text")
    return secret


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Whose certificates are trusted: those of the authorities in a file, or the system's.

    Raises Permanent.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # an SSLError is one too
        told = error.strerror or "no PEM certificate"
        raise Permanent(f"cannot use the authorities in {ca_file}: {told}") from error


class Poster:
    """Posts JSON. Follows no redirect: it might carry a secret elsewhere."""

    def __init__(self, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: Any, headers: dict[str, str]) -> None:
        """Raises Temporary where trying again may help, else Permanent; shows no URL."""
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=trusted(self._ca_file))
            self._session = aiohttp.ClientSession(connector=connector)
        try:
            async with self._session.post(
                url, json=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except aiohttp.InvalidURL:
            raise Permanent("its URL cannot be used") from None
        except (aiohttp.ClientError, OSError) as error:
            # Not chained: what aiohttp says holds the address.
            raise Temporary(f"cannot be reached: {why(error)}") from None
        if not 200 <= status < 300:
            kind = Temporary if status in AGAIN or status >= 500 else Permanent
            raise kind(f"it answered {status}")

    async def close(self) -> None:
        """Give back the connections; idempotent."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

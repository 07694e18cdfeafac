"""Asks Alertmanagers what fires. One that answers is enough."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from autoscaler.alertmanager import read_list
from autoscaler.errors import Invalid, Temporary
from autoscaler.model import Alert
from autoscaler.ports import Clock
from autoscaler.sources.alertmanager.settings import Settings

_QUESTION = {"active": "true", "silenced": "false", "inhibited": "false", "unprocessed": "true"}
_HEADERS = {"Accept": "application/json", "User-Agent": "autoscaler"}


Connector = Callable[[], aiohttp.BaseConnector]
"""Makes what connections come from."""


class Asking:
    """The Alertmanagers of one cluster."""

    def __init__(
        self, settings: Settings, clock: Clock = time.time, connector: Connector | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._connector = connector or self._tcp

    async def firing(self) -> tuple[Alert, ...] | None:
        """What fires, as those say who answer; None if nobody is known who could be asked.

        Raises Temporary when none of them answers.
        """
        if not self._settings.urls:
            return None
        async with self._session() as session:
            asked = (self._ask(session, url) for url in self._settings.urls)
            answers = await asyncio.gather(*asked, return_exceptions=True)
        lists = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not lists:
            raise Temporary(f"no Alertmanager tells what fires: {answers[0]}")
        return tuple({alert.fingerprint: alert for each in lists for alert in each}.values())

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> tuple[Alert, ...]:
        question = dict(_QUESTION)
        if self._settings.receiver:
            question["receiver"] = self._settings.receiver
        try:
            async with session.get(
                f"{url}/api/v2/alerts", params=question, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise Temporary(f"{url} answers {answer.status}")
                body = await self._body(answer)
            # Many alerts take a while: in a thread nobody waits for it.
            return await asyncio.to_thread(read_list, body, self._clock())
        except TimeoutError as error:
            raise Temporary(f"{url}: no answer within {self._settings.timeout:g} s") from error
        except (aiohttp.ClientError, OSError, Invalid) as error:
            raise Temporary(f"{url}: {error}") from error

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self._settings.max_body:
                raise Invalid(f"an answer of more than {self._settings.max_body} bytes")
        return bytes(body)

    def _tcp(self) -> aiohttp.BaseConnector:
        ca_file = self._settings.ca_file
        if ca_file is None:
            return aiohttp.TCPConnector(force_close=True)
        try:
            own = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise Temporary(f"cannot read {ca_file}: {error}") from error
        return aiohttp.TCPConnector(ssl=own, force_close=True)

    def _session(self) -> aiohttp.ClientSession:
        settings = self._settings
        return aiohttp.ClientSession(
            connector=self._connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={**_HEADERS, **_login(settings)},
            timeout=aiohttp.ClientTimeout(total=settings.timeout),
        )


def _login(settings: Settings) -> dict[str, str]:
    """The header that a login is shown by. Raises Temporary."""
    if settings.bearer_token_file is not None:
        return {"Authorization": f"Bearer {_secret(settings.bearer_token_file)}"}
    if settings.username is not None and settings.password_file is not None:
        password = _secret(settings.password_file)
        return {"Authorization": aiohttp.encode_basic_auth(settings.username, password, "utf-8")}
    return {}


def _secret(path: Path) -> str:
    """A secret without the newline that editors add; the error never shows it."""
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Temporary(f"cannot read {path}: {type(error).__name__}") from None
    if not secret or not secret.isprintable():
        raise Temporary(f"{path} does not hold one line of printable text")
    return secret

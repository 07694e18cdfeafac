"""The connections to the engine: the one place that knows aiodocker.

aiodocker resolves the address (unix socket, TCP, TLS, ssh) and holds the connections.
Requests go over its session and not its methods: those cannot scale a service, drop null
fields, have no deadline, and remember the API version for ever.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus

import aiodocker
import aiohttp

from autoscaler.addresses import shown
from autoscaler.errors import Permanent
from autoscaler.orchestrators.swarm.settings import SwarmSettings
from autoscaler.tokens import read_tokens

Connector = Callable[[], aiohttp.BaseConnector]
"""Makes what connections come from, in place of what the address says."""


class Connection:
    """Connects at the first request: a session wants a running event loop."""

    def __init__(self, settings: SwarmSettings, connector: Connector | None = None) -> None:
        self._settings = settings
        self._connector = connector
        self._docker: aiodocker.Docker | None = None
        self._token = ""

    async def request(
        self, method: str, path: str, params: Mapping[str, str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        """Send one request and wait for the head of its answer, whatever its status."""
        docker = self._engine()
        answer = await docker.session.request(
            method,
            f"{docker.docker_host}/{path}",
            params=params,
            data=body,
            headers=self._headers(body),
            allow_redirects=False,
            # The caller has a deadline; this half of it tells "never sent" from "not answered".
            timeout=aiohttp.ClientTimeout(total=None, connect=self._settings.timeout / 2),
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # Perhaps there is another token by now.
            self._token = ""
        return answer

    async def close(self) -> None:
        """Give the connections back; idempotent."""
        docker, self._docker = self._docker, None
        if docker is not None:
            await docker.close()
            # A connector that it was given is not closed by it.
            await docker.connector.close()

    def _headers(self, body: bytes | None) -> Mapping[str, str]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self._settings.token_file is None:
            return headers
        self._token = self._token or read_tokens(self._settings.token_file)[0]
        return {**headers, "Authorization": f"Bearer {self._token}"}

    def _engine(self) -> aiodocker.Docker:
        if self._docker is None:
            self._docker = _connect(self._settings, self._connector)
        return self._docker


def _connect(settings: SwarmSettings, connector: Connector | None) -> aiodocker.Docker:
    """Raises Permanent when the address or a TLS file is of no use."""
    try:
        if connector is not None:
            return aiodocker.Docker(settings.host, connector=connector())
        if not settings.tls:
            return aiodocker.Docker(settings.host)
        # With a context of ours aiodocker leaves the scheme alone, and `tcp` would be plain.
        host = re.sub(r"^tcp://", "https://", settings.host)
        return aiodocker.Docker(host, ssl_context=_tls(settings))
    except (OSError, ValueError, ImportError) as error:
        raise Permanent(f"cannot connect to {shown(settings.host)}: {shown(str(error))}") from error


def _tls(settings: SwarmSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.tls_ca)
    if settings.tls_cert is not None:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context

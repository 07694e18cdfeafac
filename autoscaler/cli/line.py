"""The line to a running controller: plain requests, each with a deadline."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from autoscaler.addresses import reachable, why
from autoscaler.errors import Permanent, Temporary
from autoscaler.settings import Api, Client, Scope, Settings
from autoscaler.tokens import read_tokens

DEADLINE = 30.0
MOST_BYTES = 64 * 1024 * 1024
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Line:
    """Where a controller is, and what it is shown."""

    url: str
    token: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    deadline: float = DEADLINE

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and document of an answer. Raises Temporary when none comes."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        text = None if body is None else json.dumps(body)
        if text is not None:
            headers["Content-Type"] = _JSON
        with closing(self._connection()) as connection:
            try:
                connection.request(method, self._base() + path, text, headers)
                answer = connection.getresponse()
                return answer.status, _document(answer.read(MOST_BYTES))
            except (OSError, http.client.HTTPException) as error:
                raise Temporary(f"the controller at {self.url}: {why(error)}") from error

    def get(self, path: str, **query: object) -> Any:
        """A document; None where there is none. Raises Temporary or Permanent with the reason."""
        return self._settled(*self.ask("GET", path + _stated(query)))

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Have something done. Raises Temporary or Permanent with the reason."""
        return self._settled(*self.ask(method, path, body))

    def _settled(self, status: int, document: Any) -> Any:
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return document
        told = document.get("detail", "") if isinstance(document, dict) else ""
        if status == HTTPStatus.NOT_FOUND and told:
            return None
        kind = Temporary if status == HTTPStatus.SERVICE_UNAVAILABLE else Permanent
        raise kind(f"the controller at {self.url} answers {status}: {told}")

    def _base(self) -> str:
        return urlsplit(self.url).path.rstrip("/")

    def _connection(self) -> http.client.HTTPConnection:
        place = urlsplit(self.url)
        host = place.hostname or ""
        if place.scheme == "https":
            return http.client.HTTPSConnection(
                host, place.port, timeout=self.deadline, context=self.tls
            )
        return http.client.HTTPConnection(host, place.port, timeout=self.deadline)


def line_to(client: Client) -> Line | None:
    """The line that settings name, if any. Raises Permanent for files that cannot be used."""
    if client.url is None:
        return None
    token = read_tokens(client.token_file)[0] if client.token_file else ""
    tls = ssl.create_default_context(cafile=client.ca) if client.url.startswith("https") else None
    if tls is not None and client.tls_cert is not None:
        tls.load_cert_chain(client.tls_cert, client.tls_key)
    return Line(client.url.rstrip("/"), token, tls)


def line_here(settings: Settings, deadline: float) -> Line:
    """The line to the process of these settings on this machine. Raises Permanent."""
    host, port = settings.address
    host = reachable(host)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    scheme = "http" if settings.api.tls_cert is None else "https"
    return Line(f"{scheme}://{place}", _own_token(settings.api), own_tls(settings.api), deadline)


def own_tls(api: Api) -> ssl.SSLContext | None:
    """Trusts the certificate that the process here itself shows, under whatever name."""
    if api.tls_cert is None:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    tls.load_verify_locations(api.tls_cert)
    return tls


def _own_token(api: Api) -> str:
    """One with which the process here lets somebody read."""
    reads = {Scope.READ, Scope.OPERATE}
    files = [each.file for each in api.tokens.values() if reads & {*each.scopes}]
    return read_tokens(files[0])[0] if files else ""


def _stated(query: Mapping[str, object]) -> str:
    stated = {key: value for key, value in query.items() if value is not None}
    return f"?{urlencode(stated)}" if stated else ""


def _document(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None

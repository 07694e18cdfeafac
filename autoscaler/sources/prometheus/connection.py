"""One Prometheus server, asked one question at a time from a thread.

Built on prometheus-api-client: its connection, session, TLS, login and address handling.
Only its `custom_query` is not used, since it returns the result alone: the status,
warnings, Content-Type and Date, which tell a good answer from a bad one, are lost there, a
long POST still travels in the URL, and the size of an answer is not bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.adapters import BaseAdapter
from requests.auth import HTTPBasicAuth
from urllib3 import Retry

from autoscaler.errors import Temporary
from autoscaler.ports import Span
from autoscaler.sources.prometheus.settings import Settings
from autoscaler.sources.prometheus.transport import Adapter, Call, Login

LONGEST_URL_QUERY = 2000
"""Characters; a longer query is sent as a form, since proxies bound the length of URLs."""

_HEADERS = {
    "Accept": "application/json",
    # Packed answers are refused: a small one can grow without bound.
    "Accept-Encoding": "identity",
    "Cache-Control": "no-cache",
    "User-Agent": "autoscaler",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sent, not understood yet."""

    status: int
    content_type: str
    date: float | None
    """The server's clock when it answered, in whole seconds, if it says."""
    body: bytes


class Connection(PrometheusConnect):  # type: ignore[misc]
    """A server that can be asked from several threads at once."""

    def __init__(
        self, url: str, settings: Settings, adapter: Callable[[int], BaseAdapter] = Adapter
    ) -> None:
        """`adapter` makes what carries requests, so many at a time."""
        clean, self.name, login = _apart(url)
        super().__init__(
            url=clean,
            headers={**_HEADERS, **settings.headers},
            retry=Retry(0, read=False),
            auth=login or _login(settings),
            session=_session(settings),
        )
        self._session.mount(clean, adapter(settings.threads))
        self._max_body = settings.max_body

    def ask(self, query: str, seconds: float, call: Call, at: float | None = None) -> Reply:
        """Send an instant query and read the answer within about `seconds`.

        Unless a moment is asked for (`at`, by the server's clock) the time of the query is left
        out: then it is the server's, whatever our clock says. Raises Temporary when no whole
        answer came.
        """
        moment = {} if at is None else {"time": f"{at:.3f}"}
        return self._ask("query", {"query": query, **moment}, seconds, call)

    def ask_range(self, query: str, span: Span, seconds: float, call: Call) -> Reply:
        """As `ask`, for all moments of a span."""
        return self._ask("query_range", {"query": query, **_bounds(span)}, seconds, call)

    def _ask(self, path: str, fields: dict[str, str], seconds: float, call: Call) -> Reply:
        try:
            deadline = time.monotonic() + seconds
            with call.in_this_thread(), self._send(path, fields, seconds) as response:
                return self._read(response, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Temporary(f"{self.name}: {_why(error)}") from error

    def _send(self, path: str, fields: dict[str, str], seconds: float) -> requests.Response:
        fields = {**fields, "timeout": f"{max(seconds, 0.001):.3f}"}
        long = len(fields["query"]) > LONGEST_URL_QUERY
        answer: requests.Response = self._session.request(
            method="POST" if long else "GET",
            url=f"{self.url}/api/v1/{path}",
            params=None if long else fields,
            data=fields if long else None,
            headers=self.headers,
            auth=self.auth,
            timeout=seconds,
            allow_redirects=False,
            stream=True,
        )
        return answer

    def _read(self, response: requests.Response, deadline: float) -> Reply:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Temporary(f"{self.name}: a packed answer, which was not asked for")
        body = bytearray()
        while chunk := response.raw.read1(65536, decode_content=False):
            body += chunk
            if len(body) > self._max_body:
                raise Temporary(f"{self.name}: an answer of more than {self._max_body} bytes")
            if time.monotonic() > deadline:
                raise Temporary(f"{self.name}: the answer took too long")
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        date = _date(response.headers.get("Date"))
        return Reply(response.status_code, content_type, date, bytes(body))


def _bounds(span: Span) -> dict[str, str]:
    last = span.start + (span.count - 1) * span.step
    return {"start": f"{span.start:.3f}", "end": f"{last:.3f}", "step": f"{span.step:.3f}"}


def _session(settings: Settings) -> requests.Session:
    session = requests.Session()
    # Neither proxies nor ~/.netrc of the environment: only what the settings say.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.verify = str(settings.ca_file) if settings.ca_file else True
    if settings.insecure_skip_verify:
        session.verify = False
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if settings.cert_file:
        certificate, key = str(settings.cert_file), settings.key_file
        session.cert = (certificate, str(key)) if key else certificate
    return session


def _login(settings: Settings) -> Login:
    return Login(settings.username, settings.password_file, settings.bearer_token_file)


def _apart(url: str) -> tuple[str, str, HTTPBasicAuth | None]:
    """A URL without its userinfo, the name to call the server by, and the login."""
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    login = HTTPBasicAuth(unquote(user), unquote(password)) if userinfo else None
    return urlunsplit((parts.scheme, host, parts.path, "", "")), host, login


def _date(text: str | None) -> float | None:
    fields = parsedate_tz(text) if text else None
    try:
        return float(mktime_tz(fields)) if fields else None
    except (ValueError, OverflowError):
        return None


def _why(error: BaseException) -> str:
    """An error in a few words: the innermost one's, which never hold a URL or a header."""
    if isinstance(error, (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError)):
        return "no connection in time"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)):
        return "no answer in time"
    innermost = _innermost(error)
    if isinstance(innermost, OSError) and innermost.strerror:
        return innermost.strerror
    if isinstance(innermost, TimeoutError):
        return "no answer in time"
    return f"the answer broke off or is not HTTP ({type(innermost).__name__})"


def _innermost(error: BaseException) -> BaseException:
    seen = {id(error)}
    while (inner := error.__cause__ or error.__context__) and id(inner) not in seen:
        seen.add(id(inner))
        error = inner
    return error

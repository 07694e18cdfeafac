"""HTTP that ends when it should.

`requests` bounds each read from the socket, not the whole answer: a server that sends one
byte now and then holds a thread for ever. So each request is a `Call` that knows the socket
it works on, and can be ended from another thread by shutting that socket down. Before there
is a socket, the connect timeout bounds a request, and the resolver's own the look-up of a
name: that alone cannot be ended from here.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from autoscaler.errors import Temporary

_thread = threading.local()
_owning = threading.Lock()
"""Held while a connection changes hands, or its owner ends it."""


class Call:
    """One request in flight."""

    def __init__(self) -> None:
        self._connection: Owned | None = None
        self._socket: socket.socket | None = None
        self._ended = False

    def works_on(self, connection: Owned) -> None:
        """Note the connection. Raises Temporary when the call has been ended meanwhile."""
        with _owning:
            if self._ended:
                raise Temporary("the request was given up")
            connection.owner = self
            # Kept beside the connection: http.client drops its own reference to the socket
            # when the answer closes the connection, long before the body is read.
            self._connection, self._socket = connection, connection.sock

    def end(self) -> None:
        """Make whatever waits for the socket return at once; nothing if the call is over."""
        with _owning:
            self._ended = True
            mine = self._connection is not None and self._connection.owner is self
            if mine and self._socket is not None:
                _shut_down(self._socket)
            self._connection = self._socket = None

    @contextmanager
    def in_this_thread(self) -> Iterator[None]:
        """While this lasts, connections that the thread uses belong to the call."""
        _thread.call = self
        try:
            yield
        finally:
            del _thread.call
            with _owning:
                # By now the connection may serve another call.
                self._connection = self._socket = None


class Owned:
    """The part of a connection that tells the call of its thread which socket it is on."""

    sock: Any
    owner: Call | None = None

    def connect(self) -> None:
        """Connect (bounded by the connect timeout), then note the new socket."""
        super().connect()  # type: ignore[misc]
        self._note()

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request, on a connection that may have been used before."""
        self._note()
        super().request(*args, **options)  # type: ignore[misc]

    def _note(self) -> None:
        call: Call | None = getattr(_thread, "call", None)
        if call is not None:
            call.works_on(self)


class _Connection(Owned, HTTPConnection):
    pass


class _SecureConnection(Owned, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(HTTPAdapter):
    """Connections that belong to calls; never tries again by itself."""

    def __init__(self, connections: int) -> None:
        super().__init__(pool_maxsize=connections, max_retries=Retry(0, read=False))

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Let the pools make our kind of connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Login(AuthBase):
    """Credentials from files that are read for each request, so they may be rotated."""

    def __init__(self, username: str | None, password: Path | None, token: Path | None) -> None:
        self._username, self._password, self._token = username, password, token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header. Raises Temporary when a file cannot be read."""
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {_secret(self._token)}"
        elif self._username is not None and self._password is not None:
            HTTPBasicAuth(self._username, _secret(self._password))(request)
        return request


def _secret(path: Path) -> str:
    """A secret without the newline that editors add. The error never shows the content."""
    try:
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise Temporary(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Temporary(f"{path} does not hold text") from None
    if not secret or not secret.isprintable():
        raise Temporary(f"{path} does not hold one line of printable text")
    return secret


def _shut_down(used: socket.socket) -> None:
    # Not SSLSocket.shutdown, which takes the TLS object away from the thread reading it.
    with suppress(OSError):
        socket.socket.shutdown(used, socket.SHUT_RDWR)

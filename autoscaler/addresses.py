"""Addresses to listen at, and those of others as they may be shown: without a login."""

from __future__ import annotations

import os
import re
import ssl
from typing import Any, NamedTuple

DEFAULT_LISTEN = "127.0.0.1:9095"

_LISTEN = re.compile(r"(?P<host>[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_LOGIN = re.compile(r"(?<=://)[^/?#\s'\"]*@")


class Address(NamedTuple):
    """Where to listen."""

    host: str
    """Empty: on all interfaces."""
    port: int
    """0: any free port."""


def split_address(text: str) -> Address:
    """Read `host:port`, `:port` or `[ipv6]:port`. Raises ValueError."""
    found = _LISTEN.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise ValueError(f"expected host:port such as 0.0.0.0:9095, not {shown(text)[:60]!r}")
    return Address(found["host"].strip("[]"), int(found["port"]))


def reachable(host: str) -> str:
    """Where to ask who listens there: on all interfaces is also on this one."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def shown(text: str) -> str:
    """A text with `***` in place of what stands before the `@` of each address in it."""
    return _LOGIN.sub("***@", text)


def without_logins(value: Any) -> Any:
    """A copy of a document, its texts as `shown`."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {key: without_logins(inner) for key, inner in value.items()}
    return [without_logins(inner) for inner in value] if isinstance(value, list) else value


def why(error: BaseException) -> str:
    """Why a connection failed, in a few words, such as `connection refused`."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    cause = getattr(error, "os_error", getattr(error, "certificate_error", error))
    if isinstance(cause, ssl.SSLError):
        reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "failed"
        return f"TLS: {reason.replace('_', ' ').lower()}"
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno).lower()
    told = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error)
    return shown(told) or type(error).__name__

"""Addresses, and why nobody answers at one, as they may be shown: plainly, without a login."""

from __future__ import annotations

import os
import re
import ssl
from typing import Any

_LOGIN = re.compile(r"(?<=://)[^/?#\s'\"]*@")


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

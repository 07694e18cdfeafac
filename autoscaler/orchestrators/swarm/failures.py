"""What a refusal by the engine, or silence, means for the caller. Pure.

The engine answers 500 for very different things, so its text decides. Where a write may
have been committed before the failure, the answer is `OutcomeUnknown`: settle by reading.
"""

from __future__ import annotations

import json
import re
import socket
import ssl

import aiohttp

from autoscaler.addresses import shown, why
from autoscaler.errors import (
    AutoscalerError,
    Conflict,
    Gone,
    OutcomeUnknown,
    Permanent,
    Refused,
    Temporary,
)

_SHOWN = 300


class WrongVersion(Temporary):
    """The engine does not speak the API version that was asked for: negotiate again."""


# Nothing was attempted: the same request may pass in a while.
_REFUSED_FOR_NOW = (
    "does not have a leader",
    "no elected primary",
    "rate limit",
    "too many requests",
    # Says a manager's agent, which could not look before it writes.
    "nothing was written",
)
# The spec names a network that is gone; nothing was written, though the status is 500.
_NEVER = re.compile(r"network \S+ not found")
# Not a manager, a locked one, or one whose agent does not know the template. Waiting does not help;
# the message says what does.
_NEXT_STEP = {
    "is not a swarm manager": (
        "give the autoscaler a manager's address: DOCKER_HOST, or placement on node.role==manager"
    ),
    "not part of a swarm": "join this node as a manager, or give a manager's address",
    "swarm is encrypted": "unlock the manager with `docker swarm unlock`",
    "certificates have expired": "renew the swarm's certificates on this node",
    "whether the service had this task template is not known": (
        "bring the release back by hand, with `docker service update`"
    ),
}


def message_of(body: bytes) -> str:
    """The engine's words in an error's body, which may be JSON, plain text or a proxy's page."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return re.sub(r"\s+", " ", text)[:_SHOWN]
    said = document.get("message") if isinstance(document, dict) else None
    return (said if isinstance(said, str) else text)[:_SHOWN]


def refusal(status: int, message: str, *, write: bool) -> AutoscalerError:
    """The error for an answer with a status of 300 or more."""
    words = message.lower()
    told = f"the engine answered {status}: {message}"
    if "update out of sequence" in words:
        return Conflict(told)
    if status == 400 and re.search(r"client version .* is too (new|old)", words):
        return WrongVersion(told)
    for text, advice in _NEXT_STEP.items():
        if text in words:
            return Permanent(f"{told} Next step: {advice}.")
    if status == 429 or any(text in words for text in _REFUSED_FOR_NOW):
        return Temporary(told)
    if write and (status == 400 or _NEVER.search(words)):
        return Refused(told)
    if status == 404:
        return Gone(told)
    return _by_status(status, told, write=write)


def _by_status(status: int, told: str, *, write: bool) -> AutoscalerError:
    if status in (401, 403):
        return Permanent(f"{told} Next step: allow this request, or check the credentials.")
    if status == 408 or (status >= 500 and status != 501):
        # A leader lost, a time-out between managers, a proxy without its engine.
        return OutcomeUnknown(told) if write else Temporary(told)
    return Permanent(told)


def silence(error: Exception, host: str, *, write: bool) -> AutoscalerError:
    """The error for a request that got no whole answer."""
    told = f"no answer from {shown(host)}: {why(error)}."
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Permanent(f"{told} Next step: check tls_ca, tls_cert and tls_key.")
    cause = _cause(error)
    if isinstance(cause, PermissionError):
        return Permanent(f"{told} Next step: let this process open the engine's socket.")
    if isinstance(cause, FileNotFoundError | ConnectionRefusedError | socket.gaierror):
        told = f"{told} Next step: start Docker there, or name another address by DOCKER_HOST."
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Temporary(told)
    return OutcomeUnknown(told) if write else Temporary(told)


def _cause(error: Exception) -> Exception:
    """The system's error behind one of aiohttp's."""
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error

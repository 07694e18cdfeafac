"""What may be secret does not leave the process: not by its log, nor by its answers.

Logins in addresses and what is named like a secret are replaced by `***`. It is the last net:
what is known to be secret (templates, tokens) is not handed on in the first place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from autoscaler.addresses import shown
from autoscaler.model import STACK_LABEL, Record, Service

HIDDEN = "***"

_NAME = r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|credential)"
_NAMED = re.compile(rf"(?i){_NAME}|authorization")
# All that repeats is bounded: texts may be long, and others' own.
_STATED = re.compile(
    rf"(?i)({_NAME}[\w.-]{{0,40}}['\"]?\s{{0,3}}[=:]\s{{0,3}}['\"]?)([^\s'\",;&]+)"
)
_SHOWN = re.compile(r"(?i)\b(bearer|basic)\s{1,3}[\w.~+/=-]{8,}")
_BETWEEN = re.compile(r"[\s'\"=?&,;]")
_LONGEST_PATH = 160
_PATHS = ("/", "./", "../")
_OURS = ("autoscaler.", STACK_LABEL)


def redacted_text(text: str) -> str:
    """A text without logins, credentials, and values of what is named like a secret."""
    return _SHOWN.sub(rf"\1 {HIDDEN}", _STATED.sub(_hide, shown(text)))


def _hide(stated: re.Match[str]) -> str:
    """Hide the value, unless it is what a message of ours says of a file that holds a secret."""
    name = stated[1].rstrip()
    before = stated.string[max(0, stated.start() - _LONGEST_PATH) : stated.start()]
    of_file = name.endswith("file:") or _BETWEEN.split(before)[-1].startswith(_PATHS)
    if of_file and stated[1].endswith(": "):
        return stated[0]
    return stated[1] + HIDDEN


def redacted(value: Any) -> Any:
    """A copy of a document, without what may be secret."""
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return {key: _hidden(key, inner) for key, inner in value.items()}
    return [redacted(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def without_labels(service: Service) -> Service:
    """A service without the values of labels that are none of ours: others may keep secrets."""
    if not (service.labels or service.container_labels):
        return service
    return replace(
        service,
        labels=_foreign_hidden(service.labels),
        container_labels=_foreign_hidden(service.container_labels),
    )


def fit_to_keep(record: Record) -> Record:
    """A record without such labels; no decision looks at them."""
    seen = record.observation
    return replace(record, observation=replace(seen, service=without_labels(seen.service)))


def redact_line(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A step of structlog: the same for a line of the log."""
    for key, value in line.items():
        line[key] = redacted(value) if isinstance(value, (str, Mapping, list, tuple)) else value
    return line


def _hidden(key: object, value: Any) -> Any:
    return HIDDEN if isinstance(value, str) and _NAMED.search(str(key)) else redacted(value)


def _foreign_hidden(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: v if key.startswith(_OURS) else HIDDEN for key, v in labels.items()}

"""Why a task ended or does not start, from what the engine says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from autoscaler.model import Task, TaskState

_NO_IMAGE = (
    "no such image",
    "manifest unknown",
    "manifest for",
    "pull access denied",
    "repository does not exist",
    "name unknown",
    "error pulling image",
    "failed to resolve reference",
)
_NO_CREDENTIALS = (
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "pull access denied",
    "token expired",
    "403 forbidden",
)
_KILLED = 137
"""128 + SIGKILL: by the kernel when memory ran out, or by the engine."""


def image_missing(task: Task) -> bool:
    """Whether a task could not be prepared for want of its image."""
    said = task.error.lower()
    refused = task.state in (TaskState.REJECTED, TaskState.PREPARING, TaskState.FAILED)
    return refused and any(words in said for words in (*_NO_IMAGE, *_NO_CREDENTIALS))


def credentials(error: str) -> bool:
    """Whether a registry wants other credentials than it was shown."""
    return any(words in error.lower() for words in _NO_CREDENTIALS)


def ending(task: Task) -> str:
    """How a task ended, in a few words: exit codes, memory and health checks told apart."""
    said = task.error.lower()
    if task.oom or "oom" in said or "out of memory" in said:
        return "out of memory"
    if "unhealthy" in said:
        return "unhealthy"
    if task.exit_code == _KILLED:
        return "killed (137), by the kernel for want of memory or by the engine"
    if task.exit_code is not None:
        return f"exit code {task.exit_code}"
    return task.error or str(task.state)


def counted(endings: Iterable[str]) -> str:
    """`3 x exit code 1, 1 x out of memory`."""
    return ", ".join(f"{count} x {how}" for how, count in Counter(endings).most_common())

"""How the service speaks: one key/value line at a time, to standard error."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import structlog
from structlog.typing import Processor

from autoscaler.errors import AutoscalerError
from autoscaler.figures import outcome_of
from autoscaler.model import Action, Decision
from autoscaler.redaction import redact_line

LogStyle = Literal["auto", "console", "json"]

_TALKATIVE = ("apscheduler",)
"""Libraries that report each of their steps as news."""
MOST_PLACES = 50
"""Parts of the work that are told apart."""


def configure_logging(style: LogStyle = "auto", level: str = "info") -> None:
    """Send all log lines of the process, those of libraries too, to standard error.

    `auto` is `console` on a terminal and `json` otherwise. `level` is `debug`, `info`,
    `warning` or `error`. Raises ValueError for an unknown one.
    """
    terminal = sys.stderr.isatty()
    console = style == "console" or (style == "auto" and terminal)
    _configure_structlog()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_COMMON],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(console=console, colors=terminal),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


_COMMON: Sequence[Processor] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_COMMON,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _renderers(*, console: bool, colors: bool) -> Sequence[Processor]:
    if console:
        # The default would print the values of local variables, secrets among them.
        plain = structlog.dev.plain_traceback
        drawn: Processor = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)
    else:
        drawn = structlog.processors.JSONRenderer(default=str)
    return [structlog.processors.format_exc_info, redact_line, drawn]


@dataclass(slots=True)
class Failing:
    """A run of failures that has not ended."""

    since: float
    count: int = 0
    last: str = ""
    """Why it failed the last time."""
    told: set[str] = field(default_factory=set)


class Places:
    """Names of parts of the work, as many as are told apart: a bound on the number of series."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def of(self, where: str) -> str:
        """The name itself, or `other` for one too many."""
        if where not in self._known and len(self._known) >= MOST_PLACES:
            return "other"
        self._known.add(where)
        return where


class Failures:
    """Tells errors that are news from those that were told already. Bounded."""

    MOST_RUNS = 1000
    MOST_TEXTS = 20

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], Failing] = {}

    def news(self, where: str, service: str, text: str, now: float) -> bool:
        """Count a failure; answer whether its text is new to its run, numbers aside."""
        run = self._runs.setdefault((where, service), Failing(now))
        if len(self._runs) > self.MOST_RUNS:
            self._runs.pop(next(iter(self._runs)))
        run.count, run.last = run.count + 1, text
        text = re.sub(r"\d+", "#", text)
        if text in run.told or len(run.told) >= self.MOST_TEXTS:
            return False
        run.told.add(text)
        return True

    def end(self, where: str, service: str) -> Failing | None:
        """End a run; None when nothing had failed."""
        return self._runs.pop((where, service), None)

    def open(self, where: str, service: str = "") -> Failing | None:
        """A run that has not ended."""
        return self._runs.get((where, service))

    def forget(self, service: str) -> None:
        """Drop a service's runs."""
        for key in [key for key in self._runs if key[1] == service]:
            del self._runs[key]


def told(decision: Decision) -> dict[str, object]:
    """A decision's line."""
    return {
        "policy": decision.policy,
        **step(decision.service, decision.current, outcome_of(decision)),
        "reason": decision.reason,
        "held_by": decision.held_by,
    }


def step(service: str, before: int | None, after: int | None) -> dict[str, object]:
    """From how many replicas to how many."""
    return {"service": service, "from": before, "to": after}


def ordered(action: Action) -> dict[str, str]:
    """The order by hand that it carries out, if it does."""
    return {"order": action.order.asks} if action.order else {}


def about(service: str) -> dict[str, str]:
    """The service that it is about, if it is about one."""
    return {"service": service} if service else {}


def in_words(error: BaseException) -> str:
    """What went wrong; the kind of an error says something only where it is none of ours."""
    ours = isinstance(error, AutoscalerError) and str(error)
    return ours or f"{type(error).__name__}: {error}"


def trace(error: BaseException) -> BaseException | None:
    """The trace helps with errors of the program, not with those of the world."""
    return None if isinstance(error, AutoscalerError) else error

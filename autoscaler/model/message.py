"""What is sent to people and machines: several happenings at once, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from autoscaler.model.happening import Happening, Severity, Span

MOST_SHOWN = 20
"""Happenings that a text tells of one by one."""
LONGEST = 500
"""Characters of what it says of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one notifier; what was held back before it is told in it."""

    at: float
    happenings: tuple[Happening, ...]
    """Oldest first."""
    dropped: int = 0
    """Happenings that were not sent since the last message."""
    repeated: bool = False
    """Whether it says once more what lasts."""
    public_url: str = ""
    """Where people reach the service; empty where they do not."""

    @property
    def severity(self) -> Severity:
        """The gravest of what has not ended."""
        open_still = (each.severity for each in self.happenings if each.span is not Span.OVER)
        return max(open_still, key=lambda each: each.rank, default=Severity.INFO)

    @property
    def title(self) -> str:
        """One line."""
        still = "still: " if self.repeated else ""
        if len(self.happenings) == 1:
            return f"autoscaler: {still}{_subject(self.happenings[0])}"
        services = sorted({each.service for each in self.happenings} - {""})
        of = f" of {services[0]}" if len(services) == 1 else f" of {len(services)} services"
        return f"autoscaler: {still}{len(self.happenings)} events{of if services else ''}"

    @property
    def text(self) -> str:
        """A few lines for each happening, with its reason, and a link to its decision."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for each in self.happenings[:MOST_SHOWN]:
            ended = "ended" if each.span is Span.OVER else each.severity
            yield f"[{ended}] {_subject(each)}: {_cut(each.text)}"
            if link := self.link(each):
                yield f"  {link}"
        if len(self.happenings) > MOST_SHOWN:
            yield f"... and {len(self.happenings) - MOST_SHOWN} more"
        if self.dropped:
            yield f"{self.dropped} earlier events were not sent; `autoscaler history` has all"

    def link(self, happening: Happening) -> str:
        """Where the decision behind a happening is shown; empty where it is not."""
        if not self.public_url or happening.decided_at is None:
            return ""
        service, at = quote(happening.service, safe=""), repr(happening.decided_at)
        return f"{self.public_url}/api/v1/services/{service}/decisions/{at}"


def _subject(happening: Happening) -> str:
    return f"{happening.service or 'all services'} {happening.kind.value.replace('_', ' ')}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."

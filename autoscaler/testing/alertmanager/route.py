"""Where notices go, and how long a group of alerts waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One route with one webhook; times in seconds, Alertmanager's own defaults."""

    url: str
    receiver: str = "webhook"
    token: str = ""
    """Sent as a bearer token, if there is one."""
    group_by: tuple[str, ...] = ("...",)
    """Labels that make a group; `...` for all of them."""
    group_wait: float = 30.0
    """From a group's first alert to its first notice."""
    group_interval: float = 300.0
    """From one look at a group to the next; so long a notice is tried, and 10 s at least."""
    repeat_interval: float = 14_400.0
    """After which a notice is sent again although nothing has changed."""
    peer_timeout: float = 15.0
    """How long each member waits for those before it."""
    resolve_timeout: float = 300.0
    """How long an alert lasts that comes without an end."""

    def group_of(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels of the group that an alert belongs to."""
        if "..." in self.group_by:
            return dict(sorted(labels.items()))
        return {name: labels[name] for name in sorted(self.group_by) if name in labels}

    def key_of(self, group: Mapping[str, str]) -> str:
        """A group's key, as it stands in notices."""
        told = ", ".join(f'{name}="{value}"' for name, value in group.items())
        return f"{{}}:{{{told}}}"

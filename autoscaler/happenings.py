"""Where happenings are told, and who hears them: notifications, and those who look on.

To tell costs a call for each listener, made at once: a listener only puts aside what it hears.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from autoscaler.model import Happening

Listener = Callable[[Happening], object]

_log = logging.getLogger(__name__)


class Happenings:
    """Passes on what happens. The loop never waits for who listens, nor fails by them."""

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each happening from now on, until what is answered is called."""
        token = object()
        self._listeners[token] = listener

        def unsubscribe() -> None:
            self._listeners.pop(token, None)

        return unsubscribe

    def tell(self, happening: Happening) -> None:
        """Tell all who listen; what one of them raises is logged, and harms nobody else."""
        for listener in tuple(self._listeners.values()):
            try:
                listener(happening)
            except Exception:  # noqa: BLE001 - a listener's fault is its own
                _log.exception("a listener to happenings failed")

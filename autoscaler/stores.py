"""The store that settings name."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.errors import Permanent
from autoscaler.ports import Store
from autoscaler.settings import Settings
from autoscaler.store import Retention, open_store


async def store_of(
    settings: Settings,
    *,
    read_only: bool = False,
    or_empty: bool = False,
    acting: Callable[[Permanent], None] | None = None,
) -> Store:
    """Open it as `open_store` does. Raises Temporary or Permanent."""
    return await open_store(
        settings.store,
        read_only=read_only,
        or_empty=or_empty,
        acting=acting,
        password_file=settings.store_password_file,
        retention=Retention(settings.history.max_age, settings.history.max_bytes),
    )

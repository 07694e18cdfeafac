"""How much scraping is borne; the same for every policy of the process."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.strict import Strict


class Settings(Strict):
    """Bounds on what is asked, and on what is taken in."""

    timeout: Annotated[Duration, Field(gt=0, le=120)] = 5.0
    """Bounds one read of all queries."""
    page_timeout: Annotated[Duration, Field(gt=0, le=60)] = 3.0
    """A page must have come whole by then."""
    patience: Annotated[Duration, Field(ge=0, le=60)] = 3.0
    """How long the first read of a page waits for it, within `timeout`."""
    idle: Annotated[Duration, Field(ge=1, le=86_400)] = 120.0
    """The time without a question after which a page is scraped no more."""
    targets: Annotated[int, Field(ge=1, le=10_000)] = 500
    """The most pages that are scraped at a time; further ones fail."""
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 50
    """Requests in flight at a time; further ones wait."""
    max_body: Annotated[int, Field(ge=1024, le=64 * 2**20)] = 4 * 2**20
    """Bytes of a page; a longer one is an error."""
    max_series: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Series of one metric on one page that a question may meet; more are an error."""

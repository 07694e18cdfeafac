"""Prometheus text pages as a source, without a Prometheus: `/metrics` of tasks or of URLs.

A query passes through

    options.py      what the policy says
    source.py       one scraper for each page, whoever asks
    where.py        the pages: given URLs, or those of a service's tasks, by DNS or address
    targets.py      the pages that somebody asks for, no more than are allowed
    target.py       one page, read again and again while somebody asks
    fetch.py        one bounded request
    text.py         the lines that are wanted, read with suspicion
    series.py       the last values of each series: rate, average, largest, smallest
    judge.py        what the pages come to: a sample, with a value for each task if they are

and `settings.py` says how much of it is borne.
"""

from autoscaler.sources.scrape.options import Options
from autoscaler.sources.scrape.settings import Settings
from autoscaler.sources.scrape.source import ScrapeSource

__all__ = ["Options", "ScrapeSource", "Settings"]

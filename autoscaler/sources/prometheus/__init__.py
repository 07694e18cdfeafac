"""Prometheus, and whatever speaks its query API, as a source.

A query passes through

    options.py      what the policy says
    promql.py       $service and $stack are filled in, safely
    age.py          the age of the samples is asked along
    source.py       each distinct query once, in threads, before a deadline
    failover.py     which of several servers is asked
    connection.py   one bounded request, through prometheus-api-client
    transport.py    ... that can be ended from outside
    answer.py       the reply is read with suspicion
    judge.py        what each value is worth: a sample
    follower.py     when the next samples are there: no need to wait for a tick (rhythm.py)

and `settings.py` says where the servers are and how to log in.
"""

from autoscaler.sources.prometheus.options import Options
from autoscaler.sources.prometheus.settings import Settings
from autoscaler.sources.prometheus.source import PrometheusSource

__all__ = ["Options", "PrometheusSource", "Settings"]

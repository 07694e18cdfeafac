"""The engine's own statistics as a source: CPU and memory of a service's tasks.

A query passes through

    options.py      what the policy says
    source.py       one list of containers for all queries, a stream for each of theirs
    containers.py   which tasks of which services run on this engine
    streams.py      the streams that somebody asks for, no more than are allowed
    stream.py       one container's statistics, followed through every break
    frames.py       what a frame says; the last seconds of them; their average
    reports.py      what agents on other nodes measure
    share.py        what the value is a share of: limit, reservation, core or node
    judge.py        what all of it is worth: a sample with a value for each task

`engine.py` is the connection and `settings.py` says where it leads and what it may cost.

The engine knows the containers of its own node only. Tasks on other nodes have a value where
their node's agent tells of them. Elsewhere they have none, which is not zero: a strategy must
count them as missing.
"""

from autoscaler.sources.docker.options import Options
from autoscaler.sources.docker.settings import Settings
from autoscaler.sources.docker.source import DockerSource

__all__ = ["DockerSource", "Options", "Settings"]

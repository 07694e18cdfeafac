"""Overlay networks of tests, each of a name of its own."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from autoscaler.testing.real.dockerd import Manager
from autoscaler.testing.real.processes import ProcessFailed

_numbers = itertools.count(1)


@contextmanager
def overlay(engine: Manager, *options: str) -> Iterator[str]:
    """A network for as long as it is needed; its name.

    The engine may take minutes to let go of one, above all after a node was lost. Nobody waits
    for that: it is thrown away anyway, and no two networks have the same name.
    """
    name = f"network{next(_numbers)}"
    engine.docker("network", "create", "--driver=overlay", *options, name)
    try:
        yield name
    finally:
        with suppress(ProcessFailed):
            engine.docker("network", "rm", name)

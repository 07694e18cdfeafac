"""What a reader is told before the first run."""

from autoscaler.errors import Permanent


class NoStoreYet(Permanent):
    """There is no store, or nothing has been written to it: the service has to start first."""

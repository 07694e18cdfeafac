"""What may go wrong, by what the reader can do about it.

    AutoscalerError
    ├── Temporary            the next pass may succeed by itself
    │   ├── Conflict         somebody else wrote first: observe again
    │   └── OutcomeUnknown   a write was sent and not answered: settle it by reading
    └── Permanent            somebody must act: a person, or a new policy
        ├── Gone             the service is not there any more
        ├── Refused          the cluster will never take what it was given
        └── Invalid          bad input, with its place

Adapters raise these, chained with `from`; only the controller catches broadly.
"""

from __future__ import annotations


class AutoscalerError(Exception):
    """Anything that the service knows how to speak of."""


class Temporary(AutoscalerError):
    """The next pass may succeed by itself: a time-out, a refused connection, no leader."""


class Conflict(Temporary):
    """The object has been written since it was read; look again and decide again."""


class OutcomeUnknown(Temporary):
    """A write was sent and no answer came: it may or may not have happened."""


class Permanent(AutoscalerError):
    """Trying again cannot help: a refused query, a missing service, a wrong credential."""


class Gone(Permanent):
    """The service is not there any more, and its id never comes back."""


class Refused(Permanent):
    """The cluster looked at what it was given and will never take it: it names what is gone."""


class Invalid(Permanent):
    """Input that cannot be used. The message names the place and what was expected."""

"""Takes orders by hand in, from the command line or over HTTP.

What can be seen at once is refused at once; the rest is told by the decision that comes of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Protocol

from autoscaler.errors import Invalid
from autoscaler.model import Decision, Order, OrderKind

LONGEST_ACTOR = 100
LONGEST_REASON = 500
"""Characters; more is refused: both stand in every record and line that tells of the order."""
MOST_REPLICAS = 1_000_000


class Taker(Protocol):
    """What keeps orders: a store, or a controller that is asked to."""

    async def last_by_service(self) -> Mapping[str, Decision]:
        """As a store has it."""
        ...

    async def give(self, order: Order) -> None:
        """As a store has it."""
        ...


async def give(store: Taker, order: Order) -> None:
    """Let an order stand, in place of one of its kind about the same service.

    Raises Invalid for one that cannot be heeded, and what the store raises.
    """
    check(order, await store.last_by_service())
    await store.give(order)


def check(order: Order, known: Mapping[str, Decision]) -> None:
    """Refuse what cannot be heeded, by the last decision of each service. Raises Invalid."""
    _check_words(order)
    if order.until is not None and order.until <= order.at:
        raise Invalid("its end is no later than now")
    if order.kind.act is None:
        return
    if order.service not in known:
        raise Invalid(f"no policy covers {order.service!r}; {meant(order.service, known)}")
    if order.kind is OrderKind.SCALE:
        _check_size(order, known[order.service])


def meant(service: str, known: Mapping[str, Decision]) -> str:
    """Which service may have been meant by a name that is not known."""
    close = difflib.get_close_matches(service, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else "`autoscaler status` lists all"


def _check_words(order: Order) -> None:
    for name, said, most in (
        ("the actor", order.actor, LONGEST_ACTOR),
        ("the reason", order.reason, LONGEST_REASON),
    ):
        if len(said) > most or not said.isprintable():
            raise Invalid(f"{name} is one line of at most {most} characters")
    if not order.actor:
        raise Invalid("an order needs an actor: who gives it?")


def _check_size(order: Order, last: Decision) -> None:
    """By the bounds of the last decision; where it knew of none, the next one tells."""
    wanted = order.replicas
    if wanted is None or not 0 <= wanted <= MOST_REPLICAS:
        raise Invalid(f"a scale needs a number of replicas, 0 or more, not {wanted}")
    if last.min is None or last.max is None or last.min <= wanted <= last.max:
        return
    raise Invalid(
        f"{wanted} is outside of {last.min} to {last.max}, which policy {last.policy} allows now"
    )

"""What stands between an order by hand and its act, in one ordered tuple.

A person may do what policies may not do by themselves: orders are held by what protects the
service, not by what paces automatic decisions. So of the guards of scales and of cures those
that are named here hold orders too, and no other. docs/by-hand.md lists them all.

A guard answers why it holds, or None. What one of `FINAL` says will not change: it ends the
order. Any other lets it wait until its time is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autoscaler.decide import heal_guards
from autoscaler.decide.bounds import in_force
from autoscaler.decide.heal_case import HealCase
from autoscaler.model import Act, Mode, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCase(HealCase):
    """An order, and all that may speak against it."""

    order: Order

    @property
    def current(self) -> int:
        """The replica count that the service's spec asks for."""
        return self.observation.service.replicas or 0

    @property
    def asked(self) -> int:
        """The replica count that is ordered; what there is, where none is."""
        return self.current if self.order.replicas is None else self.order.replicas


OrderGuard = Callable[[OrderCase], str | None]


def scalable(case: OrderCase) -> str | None:
    """Only replicated services have a number to change."""
    mode = case.observation.service.mode
    if case.act is not Act.SCALE or mode is Mode.REPLICATED:
        return None
    return f"a {mode} service has no number of replicas"


def bounds(case: OrderCase) -> str | None:
    """Never outside of min and max: the policy would put it back at once."""
    scale = case.policy.scale
    if case.act is not Act.SCALE or scale is None:
        return None
    limits = in_force(scale, case.observation.windows)
    if limits.hold(case.asked):
        return None
    by = limits.min_by if case.asked < limits.min else limits.max_by
    limit = limits.min if case.asked < limits.min else limits.max
    return f"{case.asked} is outside of {by}, which is {limit}"


def as_it_is(case: OrderCase) -> str | None:
    """What is so already needs no act."""
    if case.act is Act.SCALE:
        return f"it has {case.asked} replicas already" if case.asked == case.current else None
    if case.act is Act.ROLLBACK:
        release = case.order.release
        is_there = release == case.observation.service.template
        return f"release {release} is what it has already" if is_there else None
    if case.observation.service.mode is Mode.REPLICATED and not case.current:
        return "it is set to 0 replicas"
    return None


def no_revision(case: OrderCase) -> str | None:
    """Only a release that ran well and is kept can be brought back."""
    if case.act is not Act.ROLLBACK or case.revision is not None:
        return None
    kept = len(case.observation.revisions)
    if case.order.release:
        return f"release {case.order.release} is not among the {kept} that are kept"
    if not case.policy.keeps_releases:
        return "no release is kept to go back to; `release: {}` in the policy keeps good ones"
    return f"there is no good release to go back to: {kept} are kept, none is fit"


def tasks_unknown(case: OrderCase) -> str | None:
    """Who replaces tasks must see which there are."""
    if case.act is Act.SCALE or case.observation.tasks is not None:
        return None
    return "which tasks it has is not known"


def min_available(case: OrderCase) -> str | None:
    """Tasks are replaced only where enough healthy ones are left meanwhile."""
    return None if case.act is Act.SCALE else heal_guards.min_available(case)


def fleet_ceiling(case: OrderCase) -> str | None:
    """The fleet as a whole may be given a largest size."""
    addable, more = case.observation.fleet.addable, case.asked - case.current
    if case.act is not Act.SCALE or addable is None or more <= max(0, addable):
        return None
    return f"max_total_replicas leaves {max(0, addable)} of {more} to add"


ORDER_GUARDS: tuple[OrderGuard, ...] = (
    heal_guards.job,
    scalable,
    bounds,
    as_it_is,
    no_revision,
    heal_guards.open_outcome,
    heal_guards.rollout_under_way,
    tasks_unknown,
    min_available,
    fleet_ceiling,
)

FINAL = frozenset({"job", "scalable", "bounds", "as_it_is", "no_revision"})
"""What one of these says ends the order at once."""

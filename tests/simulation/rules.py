"""What must hold for each write of the product: one function for each promise.

A rule is given what was seen until then and the write; it answers what is wrong with it, or "".
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.answers import Answers, heeded
from tests.simulation.plan import Workload
from tests.simulation.swarm import Document, Write
from tests.simulation.world import World

SLACK = 0.01
BRAKE_PERIOD, BRAKE_SHARE, BRAKE_LEAST = 300.0, 0.1, 10
HEAL_EVERY = 10.0
RECOVERY = 3
TOLERANCE = 0.1
MOVING = ("updating", "paused", "rollback_started", "rollback_paused")
ACTS = {"scale": ("scale",), "restart": ("restart", "rebalance"), "restore": ("rollback",)}


@dataclass
class Seen:
    """What the product has done so far, and what was known."""

    world: World
    answers: Answers
    scaled: dict[str, tuple[Write, float]] = field(default_factory=dict)
    """The last scale of each service, and what the clock was off by."""
    removed: list[tuple[float, int, int]] = field(default_factory=list)
    """When how many replicas were removed, and how often the clock had been set by then."""
    healed_at: float = -math.inf
    restored: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The templates that were taken back, by service id."""
    cured: Counter[str] = field(default_factory=Counter)
    """How often each service was healed for an alert, by its id."""
    intents: list[Mapping[str, Any]] = field(default_factory=list)
    """Those that are open in the store while the write is carried out."""

    def workload(self, write: Write) -> Workload:
        """What the policy says."""
        return self.world.services[write.service]

    def decided_at(self, write: Write) -> float:
        """When it was decided, by the stored intent; else now."""
        found = [i["at"] for i in self.intents if i["action"]["service_id"] == write.service_id]
        return float(found[-1]) if found else write.at

    def rule(self, write: Write) -> str:
        """The healing rule behind a write, by the stored intent; empty for a scale."""
        actions = (intent["action"] for intent in self.intents)
        mine = (each for each in actions if each["service_id"] == write.service_id)
        return next((str(each.get("rule", "")) for each in mine), "")

    def note(self, write: Write, kind: str) -> None:
        """Remember a write."""
        if kind == "scale":
            self.scaled[write.service_id] = write, self.world.clock.now
        gone = write.replicas_before - write.replicas_after
        if kind == "scale" and gone > 0:
            self.removed.append((write.at, gone, self.world.clock.jumps))
        if kind in ("restart", "restore"):
            self.healed_at = self.decided_at(write)
        if self.rule(write) == "alert":
            self.cured[write.service_id] += 1
        if kind == "restore":
            self.restored[write.service_id].add(same(write.before["TaskTemplate"]))

    def forget(self) -> None:
        """The store is another one: what was remembered in it is not known any more."""
        self.scaled.clear()
        self.removed.clear()
        self.restored.clear()
        self.cured.clear()
        self.world.pauses.clear()
        self.healed_at = -math.inf


def same(template: Document) -> str:
    """A template as a text, but for what counts its restarts."""
    return json.dumps({**template, "ForceUpdate": 0}, sort_keys=True)


def kind_of(write: Write) -> str:
    """What a write does: `scale`, `restart` or `restore`; empty for anything else."""
    before, after = write.before, write.after
    if {**before, "Mode": 0, "TaskTemplate": 0} != {**after, "Mode": 0, "TaskTemplate": 0}:
        return ""
    old, new = before["TaskTemplate"], after["TaskTemplate"]
    if old == new:
        return "scale" if _only_replicas(before["Mode"], after["Mode"]) else ""
    if before["Mode"] != after["Mode"] or new.get("ForceUpdate", 0) < old.get("ForceUpdate", 0):
        return ""
    return "restart" if same(old) == same(new) else "restore"


def _only_replicas(before: Document, after: Document) -> bool:
    old, new = before.get("Replicated"), after.get("Replicated")
    if old is None or new is None or before.keys() != after.keys():
        return False
    return bool({**old, "Replicas": 0} == {**new, "Replicas": 0})


def only_what_is_meant(seen: Seen, write: Write, kind: str) -> str:
    """Nothing but the meant field changes."""
    return "" if kind else f"{json.dumps(write.before)} -> {json.dumps(write.after)}"


def within_bounds(seen: Seen, write: Write, kind: str) -> str:
    """Replicas stay within their bounds."""
    workload, after = seen.workload(write), write.replicas_after
    # From outside of them a brake may hold it half-way.
    low = min(workload.min, write.replicas_before + 1)
    high = max(workload.max, write.replicas_before - 1)
    if kind != "scale" or low <= after <= high:
        return ""
    return f"{after} is not within {workload.min} and {workload.max}"


def not_in_a_rollout(seen: Seen, write: Write, kind: str) -> str:
    """Nothing is written during an update but what resolves it."""
    if write.rollout not in MOVING or (kind == "restore" and write.rollout != "rollback_started"):
        return ""
    return f"a {kind} while the update is {write.rollout}"


def intent_before_act(seen: Seen, write: Write, kind: str) -> str:
    """An intent is stored before every act."""
    mine = [i["action"] for i in seen.intents if i["action"]["service_id"] == write.service_id]
    acts = [action for action in mine if action["kind"] in ACTS.get(kind, ())]
    if any(kind != "scale" or act["replicas"] == write.replicas_after for act in acts):
        return ""
    return f"the open intents are {seen.intents}"


def one_at_a_time(seen: Seen, write: Write, kind: str) -> str:
    """A service has one action at a time."""
    mine = [i for i in seen.intents if i["action"]["service_id"] == write.service_id]
    return f"{len(mine)} intents are open" if len(mine) > 1 else ""


def cooldowns(seen: Seen, write: Write, kind: str) -> str:
    """Cooldowns are kept, but for what bounds ask for."""
    last, clock_then = seen.scaled.get(write.service_id, (None, 0.0))
    if kind != "scale" or last is None or clock_then != seen.world.clock.now:
        return ""
    workload = seen.workload(write)
    if not workload.min <= write.replicas_before <= workload.max:
        return ""
    up = write.replicas_after > write.replicas_before
    rest = workload.cooldown_up if up else workload.cooldown_down
    passed = write.at - last.at
    return "" if passed >= rest - SLACK else f"{passed:.1f} s of {rest:g} s have passed"


def brake(seen: Seen, write: Write, kind: str) -> str:
    """Of all services together only so much is removed in five minutes.

    What was removed before the clock was set may be forgotten.
    """
    gone = write.replicas_before - write.replicas_after
    if kind != "scale" or gone <= 0:
        return ""
    since, jumps = write.at - BRAKE_PERIOD, seen.world.clock.jumps
    seen.removed = [each for each in seen.removed if each[0] > since and each[2] == jumps]
    removed = gone + sum(n for _, n, _ in seen.removed)
    fleet = sum(each.replicas for each in seen.world.swarm.cluster.services.values())
    # It was never larger than what is there now and all that was removed meanwhile.
    most = max(BRAKE_LEAST, int((fleet + removed) * BRAKE_SHARE))
    return "" if removed <= most else f"{removed} removed within 5 minutes, {most} may be"


def good_data(seen: Seen, write: Write, kind: str) -> str:
    """Nothing is removed on data that are missing, stale, not finite or in error."""
    workload, at = seen.workload(write), seen.decided_at(write)
    if not _shrinks(write, kind, workload):
        return ""
    told = seen.answers.until(write.service, at)
    if not told or told[-1].value is None:
        return "the last answer about it says nothing"
    value = told[-1].value
    if write.replicas_after < workload.needed(value):
        return f"{write.replicas_after} replicas are too few for {value} of {workload.target}"
    if value > (1 - TOLERANCE) * write.replicas_before * workload.target + SLACK:
        return f"{value} of {workload.target} is near enough to {write.replicas_before} replicas"
    return ""


def recovery(seen: Seen, write: Write, kind: str) -> str:
    """After data were missing, three good samples come before anything is removed."""
    if not _shrinks(write, kind, seen.workload(write)):
        return ""
    times: set[float] = set()
    answers = seen.answers.until(write.service, seen.decided_at(write))
    for told in reversed(heeded(answers, seen.world.plan.interval)):
        if told.life != seen.world.product.lives or len(told.faults) > 1:
            return ""
        if told.value is None:
            good = len(times)
            return "" if good >= RECOVERY else f"only {good} good samples since data were missing"
        times.add(told.measured)
    return ""


def stabilization(seen: Seen, write: Write, kind: str) -> str:
    """No fewer than were needed at any time of the window.

    What is told between two passes and is nothing new begins no window.
    """
    workload, at = seen.workload(write), seen.decided_at(write)
    window = workload.stabilization - seen.world.plan.interval
    if not _shrinks(write, kind, workload):
        return ""
    measured = 0.0
    for told in seen.answers.until(write.service, at):
        # What is told again is not looked at again.
        again, measured = told.measured == measured, told.measured
        quiet = told.life == seen.world.product.lives and not told.faults
        if quiet and not again and told.value and told.at > at - window + SLACK:
            least = workload.needed((told.value or 0.0) / (1 + TOLERANCE))
            if write.replicas_after < least:
                return f"{least} were needed {at - told.at:.0f} s before"
    return ""


def _shrinks(write: Write, kind: str, workload: Workload) -> bool:
    """Whether it removes replicas because of what metrics say."""
    forced = write.replicas_before > workload.max
    return kind == "scale" and write.replicas_after < write.replicas_before and not forced


def pauses(seen: Seen, write: Write, kind: str) -> str:
    """What people have paused is left alone."""
    begun, over = seen.world.pauses.get(write.service, (math.inf, 0.0))
    late = 30.0 if seen.world.at_fault else 2.0
    if begun + late < seen.decided_at(write) < over:
        return f"it is paused for {over - write.at:.0f} s more"
    return ""


def heal_budget(seen: Seen, write: Write, kind: str) -> str:
    """Of all services together one is healed at a time."""
    passed = seen.decided_at(write) - seen.healed_at
    if kind not in ("restart", "restore") or not 0 <= passed < HEAL_EVERY - SLACK:
        return ""
    return f"another one was healed {passed:.1f} s before"


def min_available(seen: Seen, write: Write, kind: str) -> str:
    """A cure leaves as many healthy tasks as must stay."""
    workload = seen.workload(write)
    if kind != "restart" or seen.world.at_fault:
        return ""
    left = write.running - min(workload.parallelism, write.running)
    if left >= workload.min_available:
        return ""
    return f"{left} of {write.running} tasks stay, {workload.min_available} must"


def known_release(seen: Seen, write: Write, kind: str) -> str:
    """What is restored has run before, and no release is taken back twice."""
    if kind != "restore":
        return ""
    if same(write.after["TaskTemplate"]) not in seen.world.swarm.releases[write.service_id]:
        return "it never had this template"
    if same(write.before["TaskTemplate"]) in seen.restored[write.service_id]:
        return "this release was taken back before"
    return ""


def alert_once(seen: Seen, write: Write, kind: str) -> str:
    """An alert is treated once, however often it is told."""
    if seen.rule(write) != "alert":
        return ""
    fired, cured = len(seen.world.alerts[write.service]), seen.cured[write.service_id]
    return "" if cured < fired else f"it was healed {cured} times before, for {fired} alerts"


Rule = Callable[[Seen, Write, str], str]
RULES: tuple[Rule, ...] = (
    only_what_is_meant,
    within_bounds,
    not_in_a_rollout,
    intent_before_act,
    one_at_a_time,
    cooldowns,
    brake,
    good_data,
    recovery,
    stabilization,
    pauses,
    heal_budget,
    min_available,
    known_release,
    alert_once,
)

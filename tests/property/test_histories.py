"""What holds over any sequence of passes, in virtual time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from autoscaler import records
from autoscaler.durations import parse_duration
from autoscaler.model import Decision, Quality, Sample
from autoscaler.policy import RateLimit
from autoscaler.testing.builders import NOW, Watched, a_metric, a_policy, a_service, value
from tests.property.generators import NO_VALUES, PARTS, THIN, enough, full, paces, rarely

gaps = st.sampled_from([0.5, 5.0, 15.0, 15.0, 30.0, 60.0, 299.0])
loads = st.integers(0, 20).map(lambda replicas: value(replicas * 100.0))
others = rarely(st.sampled_from([*NO_VALUES, *PARTS]), value(0.0))
shares = rarely(st.sampled_from(THIN), full)
measured = st.builds(
    lambda replicas, after: value(replicas * 100.0, at=NOW + after),
    st.integers(0, 20),
    st.sampled_from([0.0, 0.0, 30.0, 60.0]),
)
"""Loads of a source that may answer with the same sample again."""
bad_loads = st.sampled_from([*NO_VALUES, *PARTS])


@dataclass(frozen=True)
class Step:
    """What happens next."""

    after: float
    load: Sample
    other: Sample = field(default_factory=lambda: value(0.0))
    share: Sample = full
    person: int | None = None
    """Somebody sets so many replicas before the pass."""


def histories(**steps: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.builds(Step, after=gaps, **steps), min_size=4, max_size=25)


def play(watched: Watched, step: Step) -> tuple[int, Decision]:
    """One pass, after a restart; answers the replicas before it, too."""
    if step.person is not None:
        watched.has(step.person)
    before = watched.replicas
    watched.memory = records.load_memory(records.dump(watched.memory))
    decision = watched.sees(
        {"load": step.load, "other": step.other}, after=step.after, coverage={"load": step.share}
    )
    if decision.action is not None:
        event("grows" if decision.action.replicas > before else "shrinks")
    return before, decision


# good samples


def is_good(step: Step, decision: Decision) -> bool:
    samples = (step.load, step.other)
    whole = all(
        sample.quality is Quality.VALUE and sample.value is not None and math.isfinite(sample.value)
        for sample in samples
    )
    covered = step.share.value is not None and step.share.value >= 0.9
    return whole and covered and all(r.replicas is not None for r in decision.recommendations)


@dataclass
class Trust:
    """How many good samples came since the last bad one: a second, simpler count."""

    good: float = math.inf
    newest: float = -math.inf

    def takes(self, step: Step, decision: Decision) -> None:
        if not is_good(step, decision):
            self.good, self.newest = 0, -math.inf
            return
        at = max(sample.at or decision.at for sample in (step.load, step.other))
        if at > self.newest:
            self.good, self.newest = self.good + 1, at


@enough
@given(
    histories(
        load=st.one_of(loads, loads, measured, bad_loads),
        other=rarely(bad_loads, value(0.0, at=NOW)),
        share=shares,
        person=rarely(st.integers(0, 12), None),
    ),
    st.integers(1, 4),
)
def test_after_a_bad_sample_nothing_shrinks_before_enough_good_ones(
    history: list[Step], recovery: int
) -> None:
    watched, trust = trusting(recovery), Trust()
    for step in history:
        before, decision = play(watched, step)
        trust.takes(step, decision)
        if watched.replicas < before <= 10:
            assert trust.good >= recovery


def trusting(recovery: int) -> Watched:
    covered = {**a_metric("load"), "coverage": {"query": "covered"}}
    pace = {"stabilization": "0s", "policies": [{"percent": 100, "period": "1s"}]}
    policy = a_policy(
        metrics=[covered, a_metric("other")],
        recovery=recovery,
        behavior={"scale_down": pace},
        cooldown={"manual": "20s"},
        on_missing={"fallback": 4, "after": "1m"},
    )
    return Watched(policy, a_service(5))


# people


@enough
@given(histories(load=loads, person=rarely(st.integers(0, 12), None)))
def test_a_persons_change_rests_for_the_cooldown_unless_it_is_out_of_bounds(
    history: list[Step],
) -> None:
    watched = Watched(a_policy(metrics=[a_metric()], cooldown={"manual": "1m"}), a_service(5))
    changed = -math.inf
    for number, step in enumerate(history):
        before = watched.replicas
        if number and step.person not in (None, before):
            changed = watched.now + step.after
        seen, _ = play(watched, step)
        if watched.replicas != seen and 1 <= seen <= 10:
            assert watched.now >= changed + 60.0


# pace


@dataclass
class Log:
    """The replicas that a service had, and what was recommended, with their times."""

    counts: list[tuple[float, int]] = field(default_factory=list)
    wanted: list[tuple[float, int]] = field(default_factory=list)

    def count_at(self, time: float) -> int:
        """After all that had happened by then."""
        return [count for at, count in self.counts if at <= time][-1]

    def wanted_within(self, pace: dict[str, Any], now: float) -> list[int]:
        """What was recommended earlier, in a direction's window."""
        since = now - parse_duration(pace["stabilization"])
        return [replicas for at, replicas in self.wanted if since < at < now]


@enough
@given(histories(load=loads, other=others), paces, paces)
def test_no_window_is_undercut_and_no_rate_is_exceeded(
    history: list[Step], up: dict[str, Any], down: dict[str, Any]
) -> None:
    policy = a_policy(
        min=0,
        max=50,
        metrics=[a_metric("load"), a_metric("other")],
        behavior={"scale_up": up, "scale_down": down},
        recovery=1,
    )
    watched = Watched(policy, a_service(5))
    log = Log(counts=[(-math.inf, 5)], wanted=[(watched.now + history[0].after, 5)])
    for step in history:
        before, decision = play(watched, step)
        after = watched.replicas
        if after > before:
            assert all(after <= wanted for wanted in log.wanted_within(up, watched.now))
            assert within_rates(watched.now, after, log, up, grows=True)
        if after < before:
            assert all(after >= wanted for wanted in log.wanted_within(down, watched.now))
            assert within_rates(watched.now, after, log, down, grows=False)
        if all(r.replicas is not None for r in decision.recommendations):
            log.wanted.append((watched.now, decision.wanted or 0))
        log.counts.append((watched.now, after))


def within_rates(now: float, after: int, log: Log, pace: dict[str, Any], *, grows: bool) -> bool:
    rules = [RateLimit.model_validate(rule) for rule in pace["policies"]]
    kept = [in_rate(log.count_at(now - rule.period), after, rule, grows=grows) for rule in rules]
    if pace["select"] == "disabled":
        return False
    return any(kept) if pace["select"] == "max" else all(kept)


def in_rate(start: int, after: int, rule: RateLimit, *, grows: bool) -> bool:
    """Whether a change since the start of a period keeps to one rule, to the replica."""
    change = after - start if grows else start - after
    if rule.replicas is not None:
        return change <= rule.replicas
    return change < max(1, start) * (rule.percent or 0) / 100 + 1

"""The watch over a new release: roll out, warm up, evaluate, judge. Pure.

An evaluation of a check passes, fails, is inconclusive (no data, too little traffic, nothing to
compare with) or an error. Only failures, and a rollout that Swarm has paused, speak against a
release. Errors and silence speak neither for nor against it: while the watch is open it is not
taken for good, and if the watch ends inconclusive its health for `bake` decides alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median

from autoscaler.decide import trust
from autoscaler.model import (
    Observation,
    Phase,
    Quality,
    Releases,
    Rollout,
    Sample,
    Service,
    Tally,
    Watch,
)
from autoscaler.policy import Check, Release
from autoscaler.policy.release import TRAFFIC

BEGINS_WITHIN = 5.0
"""Seconds after a write in which Swarm begins the rollout; until then it reports none."""
POINTS, SPACING, OLDEST = 10, 60.0, 3600.0
"""Answers that make up what is usual: how many, so far apart, and no older (seconds)."""


def begin(known: Releases, seen: Observation) -> Watch:
    """Watch a release that is new. One that takes another's place keeps what was before both."""
    earlier = known.watch
    doubted = earlier is not None and (earlier.phase.open or earlier.phase is Phase.FAILED)
    baseline = earlier.baseline if earlier and doubted else _baseline(known, seen.now)
    return Watch(release=seen.service.template, since=seen.now, baseline=baseline)


def _baseline(known: Releases, now: float) -> dict[str, float]:
    """What each check that compares answered before, in the middle."""
    recent = {
        name: [value for at, value in points if at >= now - OLDEST]
        for name, points in known.usual.items()
    }
    return {name: median(values) for name, values in recent.items() if values}


def asked(known: Releases, release: Release, service: Service, now: float) -> tuple[Check, ...]:
    """The checks whose answers a pass can use: in a watch all, else those whose turn it is."""
    if known.watch is not None and known.watch.phase.open:
        return release.checks
    if not _is_usual(known, release, service, now):
        return ()
    due = (c for c in release.checks if c.compares and _due(known.usual.get(c.name, ()), now))
    return tuple(due)


def _is_usual(known: Releases, release: Release, service: Service, now: float) -> bool:
    """Whether no release is in doubt."""
    watch = known.watch
    doubted = watch is not None and (watch.phase.open or watch.phase is Phase.FAILED)
    return not doubted and service.rollout.settled and now >= known.since + release.warmup


def _due(points: tuple[tuple[float, float], ...], now: float) -> bool:
    return not points or now >= points[-1][0] + SPACING


def usual(known: Releases, release: Release, seen: Observation) -> Releases:
    """Remember now and then what is usual, while no release is in doubt."""
    if not _is_usual(known, release, seen.service, seen.now):
        return known
    after = {
        check.name: _with_point(known.usual.get(check.name, ()), check, release, seen)
        for check in release.checks
        if check.compares
    }
    after = {name: points for name, points in after.items() if points}
    return known if after == known.usual else replace(known, usual=after)


def _with_point(
    points: tuple[tuple[float, float], ...], check: Check, release: Release, seen: Observation
) -> tuple[tuple[float, float], ...]:
    sample = seen.checks.get(check.name)
    if sample is None or _doubt(sample, release, seen) is not None:
        return points
    if not _due(points, seen.now):
        return points
    return (*points, (seen.now, sample.total))[-POINTS:]


def watched(known: Releases, release: Release, seen: Observation) -> Releases:
    """One pass of the watch, if there is one and it is open."""
    if seen.unsettled is not None:
        return known
    if release.checks or known.usual:
        known = usual(known, release, seen)
    if known.watch is None or not known.watch.phase.open:
        return known
    if not release.checks:
        # The policy does not ask for it any more.
        return replace(known, watch=None)
    after = step(known.watch, release, seen)
    return known if after is known.watch else replace(known, watch=after)


def step(watch: Watch, release: Release, seen: Observation) -> Watch:
    """One pass of a watch that is open."""
    if seen.service.rollout in (Rollout.PAUSED, Rollout.ROLLBACK_PAUSED):
        return _ended(watch, Phase.FAILED, f"its rollout is {_told(seen.service)}")
    if not seen.service.rollout.settled or seen.now < watch.since + BEGINS_WITHIN:
        return watch
    if watch.rolled_out_at is None:
        watch = replace(watch, phase=Phase.WARM_UP, rolled_out_at=seen.now)
    begins = (watch.rolled_out_at or seen.now) + release.warmup
    if seen.now < begins:
        return watch
    due = watch.evaluated_at is None or seen.now >= watch.evaluated_at + release.interval
    if due and all(check.name in seen.checks for check in release.checks):
        watch = _evaluated(watch, release, seen)
    return _judged(watch, release, seen.now - begins)


def _told(service: Service) -> str:
    said = f": {service.rollout_message}" if service.rollout_message else ""
    return f"{service.rollout}{said}"


def _judged(watch: Watch, release: Release, watched: float) -> Watch:
    """Whether a watch is over after so many seconds."""
    for check in release.checks:
        tally = watch.tallies.get(check.name, Tally())
        if tally.failures > check.failure_limit:
            told = f"{check.name} failed {tally.failures} times: {tally.last}"
            return _ended(watch, Phase.FAILED, told)
    if watched < release.watch:
        return watch
    silent = [*_silent(watch, release)]
    if not silent:
        return _ended(watch, Phase.PASSED, f"{len(release.checks)} checks passed")
    if watched < 2 * release.watch:
        return watch
    return _ended(watch, Phase.INCONCLUSIVE, f"nobody can tell: {'; '.join(silent)}")


def _silent(watch: Watch, release: Release) -> Iterator[str]:
    """Checks that have not said anything, or do not say anything now."""
    for check in release.checks:
        tally = watch.tallies.get(check.name, Tally(last="not evaluated"))
        if not tally.conclusive or not tally.passes:
            yield f"{check.name}: {tally.last}"


def _ended(watch: Watch, phase: Phase, reason: str) -> Watch:
    return replace(watch, phase=phase, reason=reason)


def _evaluated(watch: Watch, release: Release, seen: Observation) -> Watch:
    tallies = {
        check.name: _counted(watch.tallies.get(check.name, Tally()), check, watch, release, seen)
        for check in release.checks
    }
    return replace(watch, phase=Phase.WATCHED, evaluated_at=seen.now, tallies=tallies)


def _counted(
    before: Tally, check: Check, watch: Watch, release: Release, seen: Observation
) -> Tally:
    """One evaluation of one check."""
    sample = seen.checks.get(check.name)
    if sample is None or sample.quality in (Quality.ERROR, Quality.MANY):
        told = f"error: {trust.distrust(sample)}"
        return replace(before, errors=before.errors + 1, conclusive=False, last=told)
    doubt = _doubt(sample, release, seen) or _incomparable(check, watch.baseline)
    if doubt is None and sample.at is not None and sample.at <= (watch.rolled_out_at or 0.0):
        doubt = "it was measured before the end of the rollout"
    if doubt is not None:
        return replace(before, errors=0, conclusive=False, last=f"inconclusive: {doubt}")
    at = seen.now if sample.at is None else sample.at
    if before.at and at <= before.at:
        # Nothing new has been measured since the last evaluation.
        return before
    broken = _broken(check, sample.total, watch.baseline)
    counted = replace(before, errors=0, at=at, conclusive=True)
    if broken is None:
        return replace(counted, passes=before.passes + 1, last=f"passes with {sample.total:g}")
    return replace(counted, failures=before.failures + 1, last=broken)


def _doubt(sample: Sample, release: Release, seen: Observation) -> str | None:
    """Why an answer says nothing about a release."""
    if sample.quality is Quality.PARTIAL:
        return f"{sample.quality}: {sample.detail}"
    doubt = trust.distrust(sample) or trust.incomplete(sample)
    if doubt is not None or release.traffic is None:
        return doubt
    traffic = seen.checks.get(TRAFFIC)
    unknown = trust.distrust(traffic)
    if traffic is None or unknown is not None:
        return f"traffic is not known: {unknown}"
    if traffic.total < release.traffic.min:
        return f"traffic is {traffic.total:g}, below {release.traffic.min:g}"
    return None


def _incomparable(check: Check, baseline: Mapping[str, float]) -> str | None:
    """Of nothing, or of nothing known, no share can be told."""
    if not check.compares or baseline.get(check.name):
        return None
    was = "0" if check.name in baseline else "not known"
    return f"what it was before the change is {was}"


def _broken(check: Check, value: float, baseline: Mapping[str, float]) -> str | None:
    """Which limit an answer breaks."""
    if check.max is not None and value > check.max:
        return f"{value:g} is above {check.max:g}"
    if check.min is not None and value < check.min:
        return f"{value:g} is below {check.min:g}"
    before = baseline.get(check.name, 0.0)
    change = 100.0 * (value - before) / abs(before) if before else 0.0
    if check.max_increase is not None and change > check.max_increase:
        return f"{value:g} is {change:.0f} % above {before:g}, which it was before the change"
    if check.max_decrease is not None and -change > check.max_decrease:
        return f"{value:g} is {-change:.0f} % below {before:g}, which it was before the change"
    return None


def tells(before: Releases, after: Releases, release: Release) -> Iterator[str]:
    """What somebody should hear about the watch: how it ended, and checks that only err."""
    watch = after.watch
    if watch is None:
        return
    earlier = before.watch if before.watch and before.watch.release == watch.release else None
    ended = earlier is None or earlier.phase is not watch.phase
    if ended and watch.phase is Phase.INCONCLUSIVE:
        yield f"release {watch.release} is {watch.phase}: {watch.reason}"
    if ended and watch.phase is Phase.FAILED and release.on_failure == "rollback":
        yield f"release {watch.release} has {watch.phase}: {watch.reason}"
    for name, tally in watch.tallies.items():
        was = earlier.tallies.get(name, Tally()).errors if earlier else 0
        if was <= release.error_limit < tally.errors:
            yield f"check {name} of release {watch.release}: {tally.last}; nothing is done for it"

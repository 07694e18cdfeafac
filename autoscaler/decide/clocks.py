"""A clock that was ahead and was set right leaves times behind that have not come yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autoscaler.model import Healing, Memory, Releases, Watch


def not_ahead(memory: Memory, now: float) -> Memory:
    """The memory with no time later than `now`, as if what it tells had just happened."""
    if _latest(memory) <= now:
        return memory
    return replace(
        memory,
        recommendations=tuple(
            replace(run, since=min(run.since, now), until=min(run.until, now))
            for run in memory.recommendations
        ),
        scaled=tuple(replace(change, at=min(change.at, now)) for change in memory.scaled),
        disturbed_at=_capped(memory.disturbed_at, now),
        missing_since=_capped(memory.missing_since, now),
        good_at=_capped(memory.good_at, now),
        doubt=memory.doubt and replace(memory.doubt, at=min(memory.doubt.at, now)),
        changed=memory.changed and replace(memory.changed, at=min(memory.changed.at, now)),
        reset=memory.reset and replace(memory.reset, at=min(memory.reset.at, now)),
        healing=_of_healing(memory.healing, now),
    )


def _latest(memory: Memory) -> float:
    """The last of all times; looked for in every pass."""
    known, releases = memory.healing, memory.healing.releases
    times = [known.counted_from, known.released_at, releases.since, releases.tasks_from]
    marks = (memory.disturbed_at, memory.missing_since, memory.good_at)
    times += [at for at in (*marks, known.well_since, releases.well_since) if at is not None]
    if memory.recommendations:
        times.append(memory.recommendations[-1].until)
    times += _of_what_happened(memory)
    times += [*known.since.values(), *known.told.values()]
    times += [points[-1][0] for points in releases.usual.values() if points]
    return max(times)


def _of_what_happened(memory: Memory) -> list[float]:
    """When each kind of event last happened."""
    known = memory.healing
    events = (memory.doubt, memory.changed, memory.reset, known.quarantine, known.unsent)
    times = [each.at for each in (*events, *memory.scaled[-1:], *known.attempts[-1:]) if each]
    watch = known.releases.watch
    if watch is not None:
        times += [watch.since, watch.rolled_out_at or 0.0, watch.evaluated_at or 0.0]
    return times


def _of_healing(known: Healing, now: float) -> Healing:
    """Heals that have proved themselves are forgotten: else they would count again."""
    return replace(
        known,
        since=_each_capped(known.since, now),
        told=_each_capped(known.told, now),
        attempts=tuple(replace(each, at=min(each.at, now)) for each in known.run),
        unsent=known.unsent and replace(known.unsent, at=min(known.unsent.at, now)),
        well_since=_capped(known.well_since, now),
        counted_from=min(known.counted_from, now),
        quarantine=known.quarantine and replace(known.quarantine, at=min(known.quarantine.at, now)),
        released_at=min(known.released_at, now),
        releases=_of_releases(known.releases, now),
    )


def _of_releases(known: Releases, now: float) -> Releases:
    return replace(
        known,
        since=min(known.since, now),
        tasks_from=min(known.tasks_from, now),
        well_since=_capped(known.well_since, now),
        watch=known.watch and _of_watch(known.watch, now),
        usual={
            name: tuple((min(at, now), value) for at, value in points)
            for name, points in known.usual.items()
        },
    )


def _of_watch(watch: Watch, now: float) -> Watch:
    return replace(
        watch,
        since=min(watch.since, now),
        rolled_out_at=_capped(watch.rolled_out_at, now),
        evaluated_at=_capped(watch.evaluated_at, now),
        tallies={
            name: replace(tally, at=min(tally.at, now)) for name, tally in watch.tallies.items()
        },
    )


def _each_capped(times: Mapping[str, float], now: float) -> dict[str, float]:
    return {name: min(at, now) for name, at in times.items()}


def _capped(at: float | None, now: float) -> float | None:
    return None if at is None else min(at, now)

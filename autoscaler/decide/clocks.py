"""A clock that was ahead and was set right leaves times behind that have not come yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from autoscaler.model import Healing, Memory, Releases, Watch


def not_ahead(memory: Memory, now: float) -> Memory:
    """The memory with no time later than `now`, as if what it tells had just happened."""
    if max(_latest(memory)) <= now:
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
        changed=memory.changed and replace(memory.changed, at=min(memory.changed.at, now)),
        reset=memory.reset and replace(memory.reset, at=min(memory.reset.at, now)),
        healing=_of_healing(memory.healing, now),
    )


def _latest(memory: Memory) -> Iterator[float]:
    """The last of each kind of times."""
    if memory.recommendations:
        yield memory.recommendations[-1].until
    if memory.scaled:
        yield memory.scaled[-1].at
    healing = memory.healing
    for mark in (memory.changed, memory.reset, healing.quarantine, healing.unsent):
        if mark is not None:
            yield mark.at
    yield from filter(None, (memory.disturbed_at, memory.missing_since, memory.good_at))
    yield from _latest_of_healing(memory.healing)


def _latest_of_healing(known: Healing) -> Iterator[float]:
    if known.attempts:
        yield known.attempts[-1].at
    yield from (known.counted_from, known.released_at, known.well_since or 0.0)
    yield from known.since.values()
    yield from known.told.values()
    releases, watch = known.releases, known.releases.watch
    yield from (releases.since, releases.tasks_from, releases.well_since or 0.0)
    if watch is not None:
        yield from (watch.since, watch.rolled_out_at or 0.0, watch.evaluated_at or 0.0)
    yield from (points[-1][0] for points in releases.usual.values() if points)


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

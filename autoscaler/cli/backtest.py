"""`backtest`: what would a policy have done?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autoscaler.cli.moments import MomentType
from autoscaler.cli.terminal import (
    FAILED,
    Context,
    DurationType,
    now,
    pass_context,
    run,
    show,
    show_json,
)
from autoscaler.errors import Invalid

if TYPE_CHECKING:
    from autoscaler.backtest.course import Course
    from autoscaler.backtest.history import Passes, Told
    from autoscaler.backtest.series import Series
    from autoscaler.policy import Metric, Policy
    from autoscaler.settings import Settings

DAY = 86_400.0


@dataclass(frozen=True)
class Asked:
    """What the command line says, beside the policies."""

    service: str
    start: float | None
    end: float | None
    csv: Path | None
    load: str | None
    capacity: float | None
    every: float
    start_delay: float
    replicas: int | None
    closed: bool


@click.command(short_help="What would a policy have done, and how good would it have been?")
@click.argument(
    "policies",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="POLICY...",
)
@click.option("--service", required=True, help="The service that the policies are about.")
@click.option("--from", "start", type=MomentType(), help="48h (ago), a UTC date, or Unix seconds.")
@click.option("--to", "end", type=MomentType(), help="Likewise; unless stated, now.")
@click.option(
    "--csv", type=click.Path(path_type=Path), help="Take history from this table, not the sources."
)
@click.option("--load", help="The metric or column that the service must carry.")
@click.option("--capacity", type=click.FloatRange(0, min_open=True), help="What a replica carries.")
@click.option("--interval", "every", type=DurationType(), help="Between passes, if not as set.")
@click.option(
    "--start-delay", type=DurationType(), default="10s", show_default=True, help="Of a replica."
)
@click.option("--replicas", type=click.IntRange(0), help="At first; unless stated, what is needed.")
@click.option(
    "--closed", is_flag=True, help="Utilization follows from load, capacity and replicas."
)
@click.option("--out", type=click.Path(path_type=Path), help="Plot: .html, .svg or .png.")
@click.option("--max-under", type=float, help="Fail if more percent of the time lack replicas.")
@click.option("--max-cost", type=float, help="Fail if it costs more, relative to what is needed.")
@click.option("--max-actions", type=float, help="Fail at more changes per hour.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def backtest(
    context: Context,
    /,
    policies: tuple[Path, ...],
    out: Path | None,
    max_under: float | None,
    max_cost: float | None,
    max_actions: float | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Replay policies over history, by the code that decides in production.

    Several policy files are compared side by side, each replayed by itself. Without --csv their
    queries are asked of the sources that settings name, over the time that is stated. A table
    has the time in Unix seconds in its first column, and a column for each metric, by its name.

    What the service needed is the load, divided by what a replica carries: unless stated the
    first metric with an `average_value`, and that value. Metrics are taken as they were measured
    then (open loop); with --closed, those with a `utilization` are reckoned from --load,
    --capacity and the replicas of the replay.

    \b
    autoscaler backtest policies/shop.yaml --service shop_web --from 48h
    autoscaler backtest old.yaml new.yaml --service shop_web --from 168h --out week.html
    autoscaler backtest shop.yaml --service shop_web --csv load.csv --max-under 1 --max-cost 1.5

    \b
    JSON: a list of {policy, file, quality, replica_hours, actions, held, unknown_seconds, broken}.
    Exit code 1 if a limit is broken.
    """
    from autoscaler.cli.render import backtest as render

    courses = run(_replayed(context.settings(), policies, Asked(**_with_interval(context, asked))))
    limits = {"max_under": max_under, "max_cost": max_cost, "max_actions": max_actions}
    broken = [_broken(course, limits) for course in courses]
    if out is not None:
        from autoscaler.backtest import plot

        plot.write(out, dict(zip(map(str, policies), courses, strict=True)))
    if as_json:
        show_json(
            [_as_json(*each) for each in zip(map(str, policies), courses, broken, strict=True)]
        )
    else:
        show(render.compared([str(path) for path in policies], courses, broken))
        if out is not None:
            click.echo(f"Drawn in {out}")
    if any(broken):
        raise SystemExit(FAILED)


def _with_interval(context: Context, asked: Mapping[str, Any]) -> dict[str, Any]:
    every = asked["every"]
    return {**asked, "every": context.settings().interval if every is None else every}


async def _replayed(settings: Settings, paths: Sequence[Path], asked: Asked) -> list[Course]:
    from autoscaler.backtest.course import World, course, load_of

    found = [_policy(settings, path, asked.service) for path in paths]
    load = load_of(found[0], asked.load, asked.capacity)
    world = World(asked.start_delay, asked.replicas, asked.closed)
    passes, columns = _time(asked)
    courses = []
    for policy in found:
        told = await _told(settings, policy, asked, passes, columns, load.metric)
        courses.append(course(policy, told, passes, load, world))
    return courses


def _policy(settings: Settings, path: Path, service: str) -> Policy:
    from autoscaler.model import Service
    from autoscaler.policy import PolicyMode
    from autoscaler.policy_files import PolicyFiles

    loaded = PolicyFiles([path], settings.source_plugins, settings.notifiers).load()
    covering = loaded.covering(Service(id=service, name=service, version=1))
    if len(covering) == 1:
        # What it would do once it acts is asked, whether or not it does so yet.
        return covering[0].policy.model_copy(update={"mode": PolicyMode.ACTIVE})
    names = ", ".join(each.policy.name for each in covering or loaded.policies) or "none"
    told = "several policies cover" if covering else "no policy covers"
    raise Invalid(f"{path}: {told} service {service!r}; there are: {names}")


def _time(asked: Asked) -> tuple[Passes, Mapping[str, Series] | None]:
    from autoscaler.backtest.history import between
    from autoscaler.backtest.series import read_csv

    if asked.csv is None:
        end = now() if asked.end is None else asked.end
        start = end - DAY if asked.start is None else asked.start
        # At whole multiples, so that two runs ask for the same moments.
        return between(math.floor(start / asked.every) * asked.every, end, asked.every), None
    columns = read_csv(asked.csv.read_text("utf-8", "replace"), str(asked.csv))
    first = max(series.start for series in columns.values())
    last = min(series.end for series in columns.values())
    start = first if asked.start is None else asked.start
    end = last if asked.end is None else asked.end
    return between(start, end, asked.every), columns


async def _told(
    settings: Settings,
    policy: Policy,
    asked: Asked,
    passes: Passes,
    columns: Mapping[str, Series] | None,
    load: str,
) -> Told:
    from autoscaler.backtest import history
    from autoscaler.backtest.course import metrics_of

    metrics = metrics_of(policy, closed=asked.closed)
    if columns is not None:
        told = dict(history.from_columns(metrics, columns, passes))
        return told if load in told else {**told, load: history.column(columns, load, passes)}
    if load not in {metric.name for metric in metrics}:
        raise Invalid(f"no metric {load!r} in policy {policy.name}: state --load, or give --csv")
    return await _asked_of_sources(settings, metrics, asked.service, passes)


async def _asked_of_sources(
    settings: Settings, metrics: Sequence[Metric], service: str, passes: Passes
) -> Told:
    from autoscaler.adapters import build_sources
    from autoscaler.backtest import history
    from autoscaler.model import Service

    sources = build_sources(settings)
    about = Service(id=service, name=service, version=1)
    chunks = len(metrics) * sum(1 for _ in passes.chunks())
    try:
        with _progress(chunks) as advance:
            return await history.from_sources(metrics, sources, about, passes, advance)
    finally:
        for source in sources.values():
            await source.close()


@contextmanager
def _progress(chunks: int) -> Iterator[Any]:
    """A bar on standard error, where somebody looks."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Asking for the past", total=chunks)
        yield lambda: progress.advance(task)


def _broken(course: Course, limits: Mapping[str, float | None]) -> list[str]:
    """Which limits a policy breaks; where nothing is known none is kept."""
    stated = {name: limit for name, limit in limits.items() if limit is not None}
    found = course.quality
    if found is None:
        return [f"{name}: nothing is known of the load" for name in stated]
    values = {
        "max_under": found.tau_under,
        "max_cost": found.cost,
        "max_actions": found.actions,
    }
    return [
        f"{name}: {values[name]:.4g} is more than {limit:g}"
        for name, limit in stated.items()
        if values[name] > limit
    ]


def _as_json(file: str, course: Course, broken: list[str]) -> dict[str, Any]:
    return {
        "policy": course.policy,
        "file": file,
        "quality": asdict(course.quality) if course.quality else None,
        "replica_hours": course.replica_hours,
        "actions": course.actions,
        "held": dict(course.held),
        "unknown_seconds": course.unknown,
        "broken": broken,
    }

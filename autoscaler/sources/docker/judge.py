"""From the histories of containers to a service's sample. Pure.

A task has a value when frames of its container still come. One that runs elsewhere, or whose
frames stay away, has none; it is listed all the same, so that it is not overlooked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.model import Quality, Sample, Task, TaskState, TaskValue
from autoscaler.sources.docker.frames import History, Measured
from autoscaler.sources.docker.options import Options

Histories = Mapping[str, History | None]
"""By task id, of the tasks on this engine or told of by agents; None where the container is not
followed."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What became of a service's tasks."""

    values: Mapping[str, Measured]
    elsewhere: int
    silent: int
    unfollowed: int
    young: int

    nowhere: str
    """Why the tasks that run elsewhere have no value."""

    def told(self) -> str:
        total = len(self.values) + self.elsewhere + self.silent + self.unfollowed + self.young
        reasons = [
            (self.elsewhere, self.nowhere),
            (self.silent, "without fresh statistics"),
            (self.young, "without a value yet"),
            (self.unfollowed, "above the bound of streams"),
        ]
        named = [f"{count} {reason}" for count, reason in reasons if count]
        return ", ".join([f"{len(self.values)} of {total} tasks seen", *named])


def judge(
    options: Options,
    of: float,
    here: Histories,
    tasks: Sequence[Task] | None,
    now: float,
    others: Mapping[str, float] | None = None,
) -> Sample:
    """The sample of a service; `tasks` are those known of it, None if they are not.

    `of` is what a task's use is a share of, `now` the time by the clock of the histories.
    With agents on other nodes, `others` says what the use of tasks there is a share of where
    that is not `of`.
    """
    left = {task.id for task in tasks or () if not task.wanted}
    ours = {task: history for task, history in here.items() if task not in left}
    running = {task.id for task in tasks or () if _runs(task)}
    if not ours:
        told = _nothing_here(tasks, len(running), alone=others is None)
        return Sample(quality=Quality.NO_DATA, detail=told)
    nowhere = "not on this node" if others is None else "on nodes of which no agent tells"
    seen = _look(options, ours, len(running - ours.keys()), now, nowhere)
    if not seen.values:
        quality = Quality.STALE if seen.silent else Quality.NO_DATA
        return Sample(quality=quality, detail=seen.told())
    return Sample(
        quality=Quality.VALUE,
        at=min(one.at for one in seen.values.values()),
        detail=seen.told(),
        tasks={
            task: _value(seen.values.get(task), (others or {}).get(task, of))
            for task in [*ours, *(running - ours.keys())]
        },
    )


def _runs(task: Task) -> bool:
    return task.wanted and task.state is TaskState.RUNNING


def _nothing_here(tasks: Sequence[Task] | None, running: int, *, alone: bool) -> str:
    if tasks is not None and not running:
        return "none of its tasks runs"
    known = f"none of its {running} running tasks is" if running else "no task of it runs"
    if alone:
        return f"{known} on this node; only the local engine is asked"
    return f"{known} on this node, and no agent tells of one"


def _look(options: Options, ours: Histories, elsewhere: int, now: float, nowhere: str) -> _Seen:
    values: dict[str, Measured] = {}
    silent = unfollowed = young = 0
    for task, history in ours.items():
        if history is None:
            unfollowed += 1
        elif not history.length:
            young += 1
        elif not history.is_fresh(now):
            silent += 1
        elif (measured := _measure(options, history)) is None:
            young += 1
        else:
            values[task] = measured
    return _Seen(values, elsewhere, silent, unfollowed, young, nowhere)


def _measure(options: Options, history: History) -> Measured | None:
    measure = history.cpu if options.query == "cpu" else history.memory
    return measure(options.window)


def _value(measured: Measured | None, of: float) -> TaskValue:
    if measured is None:
        return TaskValue(value=None, of=of)
    return TaskValue(value=measured.value, at=measured.at, window=measured.window, of=of)

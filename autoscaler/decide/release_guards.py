"""Why a release is not taken back: the guards that look at releases.

Each answers why it holds, or None; they let any other cure pass.
"""

from __future__ import annotations

from autoscaler.decide.heal_case import HealCase
from autoscaler.model import Act


def rolled_back_once(case: HealCase) -> str | None:
    """One rollback for each release: whoever brings it again means it."""
    failed = case.releases.failure(case.releases.current)
    if case.act is not Act.ROLLBACK or failed is None or not failed.ours:
        return None
    return f"release {failed.release} was rolled back once already, and somebody brought it again"


def brought_back(case: HealCase) -> str | None:
    """What does not run well after a rollback is no matter of releases."""
    if case.act is not Act.ROLLBACK or not case.releases.restored:
        return None
    return f"release {case.releases.current} is itself what a rollback brought back"


def earlier_tasks(case: HealCase) -> str | None:
    """A release is not blamed for tasks of the one before it, which it may be to replace."""
    known = case.releases
    sick = [task for task in case.observation.tasks or () if task.id in case.about]
    if case.act is not Act.ROLLBACK or not sick:
        return None
    if any(task.created_at > known.tasks_from for task in sick):
        return None
    return f"the tasks that it is about are older than the rollout of release {known.current}"


def old_release(case: HealCase) -> str | None:
    """What goes wrong long after a release came has another cause."""
    age, blame = case.now - case.releases.since, case.policy.release.blame
    if case.act is not Act.ROLLBACK or age <= blame:
        return None
    return f"release {case.releases.current} is {age:.0f} s old: something else has changed"


def no_revision(case: HealCase) -> str | None:
    """Only a release that ran well is worth going back to."""
    if case.act is not Act.ROLLBACK or case.revision is not None:
        return None
    kept = len(case.observation.revisions)
    return f"there is no good release to go back to: {kept} are kept, none is fit"


NO_WAY_BACK = frozenset(
    guard.__name__ for guard in (rolled_back_once, brought_back, old_release, no_revision)
)
"""A rollback that one of these holds will not come: somebody should hear of it."""

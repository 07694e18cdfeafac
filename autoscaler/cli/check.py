"""`check`: are policies and settings right? Needs no cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from autoscaler import named_files
from autoscaler.cli.render import files
from autoscaler.cli.terminal import FAILED, Context, pass_context, show, show_json
from autoscaler.policy_files import Checked, PolicyFiles
from autoscaler.problems import Place, Problem
from autoscaler.settings import Settings

TO_BE_NAMED = (
    "settings name no notifier {name!r}, so `autoscaler run` would refuse this: see"
    " docs/notifications.md"
)
NO_POLICIES = "no policies here; policies/examples has some to start from"


@click.command(short_help="Are my policies right? Needs no cluster.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILES]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def check(context: Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Check policy files and settings, without a cluster.

    Run it before a commit, in CI and before a reload. FILES are files or directories; by
    default, those of the settings. Every problem of every file is told with its line. What may
    be right elsewhere is a warning: a file with a token that is not there, and, where FILES are
    named and settings name no notifiers, who is to be notified.

    \b
    autoscaler check
    autoscaler check policies/shop.yaml
    autoscaler check --json | jq '.problems[].message'

    \b
    JSON: ok, files: [{file, policies: [{name, line, mode, services, min, max, metrics}]}],
          problems and warnings: [{file, line, column, path, message}]
    """
    settings = context.settings()
    looked_at = paths or tuple(Path(path) for path in settings.policies)
    # By themselves files may be right before there are any settings.
    alone = bool(paths) and not settings.notifiers
    notifiers = None if alone else settings.notifiers
    checked = PolicyFiles(looked_at, settings.source_plugins, notifiers).check()
    problems = list(checked.problems) or _nothing_found(checked, looked_at)
    warnings = [*_unusable(settings), *(_not_yet_notified(checked) if alone else ())]
    if as_json:
        show_json(_as_json(checked, problems, warnings))
    else:
        show(files.listing(checked, problems, warnings))
    if problems:
        raise SystemExit(FAILED)


def _nothing_found(checked: Checked, paths: tuple[Path, ...]) -> list[Problem]:
    if checked.policies.policies:
        return []
    return [Problem(str(path), None, (), NO_POLICIES) for path in paths]


def _unusable(settings: Settings) -> list[Problem]:
    found = [*named_files.of_controller(settings), *named_files.of_agent(settings)]
    return list(dict.fromkeys(found))


def _not_yet_notified(checked: Checked) -> Iterator[Problem]:
    for loaded in checked.policies.policies:
        for name in dict.fromkeys(each.to for each in loaded.policy.notify or ()):
            place, path = Place(loaded.line, 1), ("notify",)
            yield Problem(loaded.file, place, path, TO_BE_NAMED.format(name=name))


def _as_json(checked: Checked, problems: list[Problem], warnings: list[Problem]) -> dict[str, Any]:
    return {
        "ok": not problems,
        "files": [
            {"file": file, "policies": [files.summary(p) for p in files.of_file(checked, file)]}
            for file in checked.files
        ],
        "problems": [_told(each) for each in problems],
        "warnings": [_told(each) for each in warnings],
    }


def _told(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.place and problem.place.line,
        "column": problem.place and problem.place.column,
        "path": list(problem.path),
        "message": problem.message,
    }

"""`check`: are policies and settings right? Needs no cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from autoscaler.cli.render import files
from autoscaler.cli.terminal import FAILED, Context, pass_context, show, show_json
from autoscaler.policy_files import Checked, PolicyFiles
from autoscaler.problems import Problem

NO_POLICIES = "no policies here; policies/examples has some to start from"


@click.command(short_help="Are my policies right? Needs no cluster.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILES]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def check(context: Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Check policy files and settings, without a cluster.

    Run it before a commit, in CI and before a reload. FILES are files or directories; by
    default, those of the settings. Every problem of every file is told with its line.

    \b
    autoscaler check
    autoscaler check policies/shop.yaml
    autoscaler check --json | jq '.problems[].message'

    \b
    JSON: ok, files: [{file, policies: [{name, line, mode, services, min, max, metrics}]}],
          problems: [{file, line, column, path, message}]
    """
    settings = context.settings()
    looked_at = paths or tuple(Path(path) for path in settings.policies)
    checked = PolicyFiles(looked_at, settings.source_plugins, settings.notifiers).check()
    problems = list(checked.problems) or _nothing_found(checked, looked_at)
    if as_json:
        show_json(_as_json(checked, problems))
    else:
        show(files.listing(checked, problems))
    if problems:
        raise SystemExit(FAILED)


def _nothing_found(checked: Checked, paths: tuple[Path, ...]) -> list[Problem]:
    if checked.policies.policies:
        return []
    return [Problem(str(path), None, (), NO_POLICIES) for path in paths]


def _as_json(checked: Checked, problems: list[Problem]) -> dict[str, Any]:
    return {
        "ok": not problems,
        "files": [
            {"file": file, "policies": [files.summary(p) for p in files.of_file(checked, file)]}
            for file in checked.files
        ],
        "problems": [
            {
                "file": problem.file,
                "line": problem.place and problem.place.line,
                "column": problem.place and problem.place.column,
                "path": list(problem.path),
                "message": problem.message,
            }
            for problem in problems
        ],
    }

"""`plugins`: which strategies, sources and other plugins are installed?"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
from rich.text import Text

from autoscaler import plugins
from autoscaler.cli.render import words
from autoscaler.cli.terminal import show, show_json
from autoscaler.errors import Invalid


@click.command("plugins", short_help="Which strategies, sources, ... are installed?")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def installed(as_json: bool) -> None:
    """List installed plugins by kind.

    Look here for the names that policies and settings may use, and whether a package with
    plugins of your own was found. docs/policy.md has their options.

    \b
    autoscaler plugins

    \b
    JSON: [{kind, name, package, summary, error}]
    """
    found = list(_all())
    if as_json:
        show_json(found)
        return
    drawn = words.table("KIND", "NAME", "PACKAGE", "WHAT IT DOES")
    for told in found:
        said = Text(f"cannot be loaded: {told['error']}", "red") if told["error"] else ""
        drawn.add_row(told["kind"], told["name"], told["package"], said or told["summary"])
    show(drawn)


def _all() -> Iterator[dict[str, str | None]]:
    for kind in plugins.KINDS:
        for name, point in plugins.available(kind).items():
            package = f"{point.dist.name} {point.dist.version}" if point.dist else None
            summary, error = _summary(kind, name)
            yield {
                "kind": kind,
                "name": name,
                "package": package,
                "summary": summary,
                "error": error,
            }


def _summary(kind: str, name: str) -> tuple[str | None, str | None]:
    """The first line of a plugin's docstring, or why it cannot be loaded."""
    try:
        documented = inspect.getdoc(plugins.load(kind, name)) or ""
    except Invalid as error:
        return None, str(error)
    return documented.partition("\n")[0], None

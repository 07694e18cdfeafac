"""The command line. Each command is a small file; `render/` draws what they print.

Exit codes: 0 done, 1 failed (the last line says what to do), 2 wrong usage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from autoscaler.cli.terminal import Context, FriendlyGroup

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "check": "check:check",
    "plan": "plan:plan",
    "run": "run:run",
    "agent": "agent:agent",
    "explain": "explain:explain",
    "status": "status:status",
    "history": "history:history",
    "backtest": "backtest:backtest",
    "revisions": "revisions:revisions",
    "pause": "orders:pause",
    "resume": "orders:resume",
    "scale": "by_hand:scale",
    "restart": "by_hand:restart",
    "rollback": "by_hand:rollback",
    "rebalance": "by_hand:rebalance",
    "quarantine": "orders:quarantine",
    "notify": "notify:notify",
    "schema": "schema:schema",
    "plugins": "installed:installed",
    "healthcheck": "healthcheck:healthcheck",
}
"""Where each command is; it is loaded when it is asked for."""

_HELP = """
Scales Docker Swarm services by metrics, and says why.

\b
A policy says which services, how many replicas, and by what:
\b
    version: 1
    policies:
      - name: shop-web
        services: [shop_web]
        mode: dry-run             # decide and tell, but do not act
        scale:
          min: 2
          max: 20
          metrics:
            - query: sum(rate(http_requests_total{service="$service"}[1m]))
              target: {average_value: 100}
\b
From there:
\b
    autoscaler check policies/         are my policies right?
    autoscaler plan                    what would be done now? changes nothing
    autoscaler run                     do it, until it is stopped
    autoscaler explain shop_web        why did it, or did it not, scale?
\b
Settings come from these flags, AUTOSCALER_* variables, /run/secrets/autoscaler_*
and config/autoscaler.yaml, in this order. Exit codes: 0 done, 1 failed, 2 usage.
"""


@click.group(
    cls=FriendlyGroup,
    places=COMMANDS,
    help=_HELP,
    context_settings={"max_content_width": 100},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings file, instead of config/autoscaler.yaml.",
)
@click.option(
    "--set",
    "stated",
    multiple=True,
    metavar="KEY=VALUE",
    help="State any setting: --set brake.percent=5. May be repeated.",
)
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.version_option(package_name="autoscaler", prog_name="autoscaler")
@click.pass_context
def main(ctx: click.Context, config: Path | None, stated: tuple[str, ...], debug: bool) -> None:
    """See _HELP."""
    overrides: dict[str, Any] = {}
    for setting in stated:
        _state(overrides, setting)
    ctx.obj = Context(config, overrides, debug)


def _state(overrides: dict[str, Any], setting: str) -> None:
    """Put `a.b=c` into nested mappings."""
    key, equals, value = setting.partition("=")
    *outer, last = key.split(".")
    if not equals or not all((*outer, last)):
        raise click.BadParameter(f"expected KEY=VALUE, not {setting!r}", param_hint="--set")
    inner = overrides
    for part in outer:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise click.BadParameter(f"{key} is stated twice", param_hint="--set")
    inner[last] = value

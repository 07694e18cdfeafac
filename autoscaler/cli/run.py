"""`run`: the service."""

from __future__ import annotations

from pathlib import Path

import click

from autoscaler.cli.terminal import Context, pass_context
from autoscaler.cli.terminal import run as run_to_the_end
from autoscaler.settings import Settings, default_store


@click.command(short_help="Scale services, until stopped.")
@click.option("--policies", multiple=True, help="A file or directory with policies; repeatable.")
@click.option("--interval", help="The time between two passes: 15s.")
@click.option("--listen", help="Where /metrics, /healthz and /readyz are served: host:port.")
@click.option("--store", help="What must survive a restart: a file, or postgresql://…")
@pass_context
def run(
    context: Context,
    policies: tuple[str, ...],
    interval: str | None,
    listen: str | None,
    store: str | None,
) -> None:
    """Observe, decide and act, every few seconds, until SIGTERM or SIGINT.

    Needs a Swarm manager's socket (or DOCKER_HOST) and the sources that the policies name.
    Policies are loaded again when their files change, and at SIGHUP; a set with a mistake
    changes nothing. Start with `mode: dry-run` in a policy to see what it would do.

    \b
    autoscaler run
    autoscaler run --policies policies/shop.yaml --interval 30s
    AUTOSCALER_SOURCES__PROMETHEUS__URLS=http://prometheus:9090 autoscaler run
    """
    settings = context.settings(policies=policies, interval=interval, listen=listen, store=store)
    _make_default_directory(settings)
    from autoscaler import app

    run_to_the_end(app.run(settings))


def _make_default_directory(settings: Settings) -> None:
    """A directory that somebody named must be there; the default one is ours to make."""
    if settings.store == default_store():
        Path(settings.store).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

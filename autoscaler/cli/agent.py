"""`agent`: the one privileged process of a node."""

from __future__ import annotations

import click

from autoscaler.cli.terminal import Context, pass_context, run


@click.command(short_help="Watch one node's containers, and tell the controller.")
@click.option("--controller", help="Where the controller listens: http://autoscaler:9095.")
@click.option("--token-file", help="The file with the token that the controller knows.")
@click.option("--host", help="The node's engine, if not DOCKER_HOST or the local socket.")
@click.option("--listen", help="Where /metrics and /healthz are served: host:port.")
@pass_context
def agent(
    context: Context,
    controller: str | None,
    token_file: str | None,
    host: str | None,
    listen: str | None,
) -> None:
    """Tell what happens to the containers of this node's tasks, until SIGTERM or SIGINT.

    Runs once per node, as a global service, with the local Docker socket. It tells the
    controller at once when a container ends, runs out of memory or changes its health, and
    what each task uses; it serves the same as Prometheus metrics; and it stops the container
    of a task on request, so that Swarm replaces the task. Without --controller it only
    serves metrics.

    \b
    autoscaler agent --controller http://autoscaler:9095
    autoscaler agent --listen 0.0.0.0:9095
    """
    settings = context.settings(
        controller=controller,
        listen=listen,
        agents={"token_file": token_file} if token_file else None,
        agent={"host": host} if host else None,
    )
    from autoscaler import app

    run(app.run_agent(settings))

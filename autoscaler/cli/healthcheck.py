"""`healthcheck`: does the service on this machine turn?"""

from __future__ import annotations

import http.client
from contextlib import closing

import click

from autoscaler.cli.terminal import Context, fail, pass_context

DEADLINE = 5.0


@click.command(short_help="Does the running service answer? For a container's health check.")
@click.option("--ready", is_flag=True, help="Ask whether it can work, not only whether it lives.")
@pass_context
def healthcheck(context: Context, ready: bool) -> None:
    """Ask the service at the settings' `listen` address how it is.

    Made for HEALTHCHECK in an image and `healthcheck:` in a stack file. Exit code 0 when it
    is well, 1 when it is not or does not answer within 5 seconds.

    \b
    autoscaler healthcheck
    autoscaler healthcheck --ready
    """
    host, port = context.settings().address
    path = "/readyz" if ready else "/healthz"
    here = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    status, text = ask(here, port, path)
    if status != http.HTTPStatus.OK:
        raise fail(f"{path} answers {status}: {text}")
    click.echo(text)


def ask(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and text of an answer. Raises ClickException when none comes."""
    with closing(http.client.HTTPConnection(host, port, timeout=DEADLINE)) as connection:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read(1000).decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            message = f"nothing answers at {host}:{port} ({reason}): is `autoscaler run` there?"
            raise fail(message) from error

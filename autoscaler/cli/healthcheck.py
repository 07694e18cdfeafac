"""`healthcheck`: does the service on this machine turn?"""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from ssl import SSLContext

import click

from autoscaler.addresses import DEFAULT_LISTEN, Address, reachable, split_address
from autoscaler.cli.terminal import Context, fail, pass_context, show_json

DEADLINE = 5.0
VARIABLE = "AUTOSCALER_LISTEN"
TLS = "AUTOSCALER_API__TLS_CERT"
SECRETS = Path("/run/secrets")
DEFAULT_FILE = Path("config/autoscaler.yaml")


@click.command(short_help="Does the running service answer? For containers.")
@click.option("--ready", is_flag=True, help="Ask whether it can work, not only whether it lives.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def healthcheck(context: Context, ready: bool, as_json: bool) -> None:
    """Ask the service at the settings' `listen` address how it is.

    Made for HEALTHCHECK in an image and `healthcheck:` in a stack file. Exit code 0 when it
    is well, 1 when it is not or does not answer within 5 seconds.

    \b
    autoscaler healthcheck
    autoscaler healthcheck --ready

    \b
    JSON: {ok, status, answer}; nothing where no answer comes.
    """
    (host, port), tls = place(context)
    path = "/readyz" if ready else "/healthz"
    status, text = ask(reachable(host), port, path, tls)
    well = status == http.HTTPStatus.OK
    if as_json:
        show_json({"ok": well, "status": status, "answer": text})
    elif well:
        click.echo(text)
    if not well:
        raise fail(f"{path} answers {status}: {text}")


def place(context: Context) -> tuple[Address, SSLContext | None]:
    """Where the service listens. To read all settings takes far longer than to ask it."""
    if not any(_may_differ(context)):
        with suppress(ValueError):
            return split_address(os.environ.get(VARIABLE) or DEFAULT_LISTEN), None
    from autoscaler.cli.line import own_tls

    settings = context.settings()
    return settings.address, own_tls(settings.api)


def _may_differ(context: Context) -> Iterator[bool]:
    """Whether another place of the settings than the variable may say where it listens."""
    yield bool(context.overrides)
    yield any(name.upper() == VARIABLE for name in os.environ.keys() - {VARIABLE})
    yield any(name.upper() == TLS for name in os.environ)
    yield any("tls_cert" in path.name.lower() for path in SECRETS.glob("*"))
    named = context.config or os.environ.get("AUTOSCALER_CONFIG")
    file = Path(named) if named else DEFAULT_FILE
    yield _stands_in(file, "tls_cert")
    if not os.environ.get(VARIABLE):
        yield any("listen" in path.name.lower() for path in SECRETS.glob("*"))
        yield bool(named) or _stands_in(file, "listen")


def _stands_in(file: Path, word: str) -> bool:
    return file.is_file() and word.encode() in file.read_bytes()


def ask(host: str, port: int, path: str, tls: SSLContext | None = None) -> tuple[int, str]:
    """Status and text of an answer. Raises ClickException when none comes."""
    connection = http.client.HTTPConnection(host, port, timeout=DEADLINE)
    if tls is not None:
        connection = http.client.HTTPSConnection(host, port, timeout=DEADLINE, context=tls)
    with closing(connection):
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read(1000).decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            message = f"nothing answers at {host}:{port} ({reason}): is `autoscaler run` there?"
            raise fail(message) from error

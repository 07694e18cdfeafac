"""`notify`: does a message get through?"""

from __future__ import annotations

import asyncio

import click

from autoscaler.adapters import build_notifiers
from autoscaler.cli.terminal import Context, fail, now, pass_context, run, show_json
from autoscaler.model import Happening, HappeningKind, Message, Severity
from autoscaler.policy.notify import no_such
from autoscaler.redaction import redacted_text
from autoscaler.settings import Settings

TEXT = "a test, by hand: nothing has happened"


@click.command(short_help="Send a test message by a notifier of the settings.")
@click.argument("notifier")
@click.option("--text", default=TEXT, help="What it says.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def notify(context: Context, notifier: str, text: str, as_json: bool) -> None:
    """Send a test message by NOTIFIER, once, and say whether it was taken.

    \b
    autoscaler notify ops
    autoscaler notify ops --text "is anybody there?"

    \b
    JSON: {notifier, sent, seconds}
    """
    settings = context.settings()
    if notifier not in settings.notifiers:
        raise fail(no_such(notifier, settings.notifiers))
    began = now()
    run(_send(settings, notifier, text))
    seconds = round(now() - began, 3)
    if as_json:
        show_json({"notifier": notifier, "sent": True, "seconds": seconds})
    else:
        click.echo(f"{notifier} took the message, after {seconds:g} s")


async def _send(settings: Settings, name: str, text: str) -> None:
    """Raises what the notifier raises, and TimeoutError, in words."""
    found, said = build_notifiers(settings), redacted_text(text)
    told = Happening(at=now(), kind=HappeningKind.NOTICE, severity=Severity.INFO, text=said)
    deadline = found[name].pace.deadline
    try:
        async with asyncio.timeout(deadline):
            await found[name].send(Message(at=told.at, happenings=(told,)))
    except TimeoutError:
        raise fail(f"no answer within {deadline:g} s") from None
    finally:
        for each in found.values():
            await each.close()

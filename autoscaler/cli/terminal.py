"""How commands speak: tables for people, JSON for machines, one line for an error."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from autoscaler.errors import AutoscalerError

# What takes long to load is loaded where it is used: a health check needs none of it.
if TYPE_CHECKING:
    from rich.console import RenderableType

    from autoscaler.settings import Settings

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

FAILED = 1
WIDE = 200
"""Columns where nobody looks: a table in a file is not cut to a terminal's width."""


@dataclass
class Context:
    """What stands before the command's name."""

    config: Path | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    debug: bool = False

    def settings(self, **flags: Any) -> Settings:
        """The process's settings; flags that are not None win. Raises Problems."""
        from autoscaler.settings import load_settings

        stated = {key: value for key, value in flags.items() if value not in (None, ())}
        return load_settings(self.config, {**self.overrides, **stated})

    def of_book(self, store: str | None) -> Settings:
        """Those of a command that reads a store, or asks a controller in its place."""
        settings = self.settings(store=store)
        if store is not None and settings.client.url is not None:
            told = (
                f"the controller at {settings.client.url} is asked, not a store: leave out --store"
            )
            raise click.UsageError(f"{told}, or --url and AUTOSCALER_CLIENT__URL")
        return settings


pass_context = click.make_pass_decorator(Context)


class FriendlyGroup(click.Group):
    """Lists commands in order, and loads them one by one; an error is one line and an exit code."""

    def __init__(self, *args: Any, places: Mapping[str, str], **options: Any) -> None:
        """`places` tell where the commands are: `module:name` in this package."""
        super().__init__(*args, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(f"autoscaler.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # somebody reads no further; click knows what to do
        except (AutoscalerError, OSError, ExceptionGroup) as error:
            if not all(isinstance(leaf, (AutoscalerError, OSError)) for leaf in leaves(error)):
                raise
            _tell(ctx, [str(leaf) for leaf in leaves(error)])
            raise SystemExit(FAILED) from error


def leaves(error: BaseException) -> list[BaseException]:
    """The errors in a group of groups, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def _tell(ctx: click.Context, lines: list[str]) -> None:
    if ctx.obj is not None and ctx.obj.debug:
        click.echo(traceback.format_exc(), err=True)
    for line in dict.fromkeys(lines):
        click.secho("Error: ", err=True, nl=False, fg="red", bold=True)
        click.echo(line, err=True)


def over_api(command: F) -> F:
    """Options of a command that may ask a running controller instead of its store."""
    url = click.option(
        "--url",
        expose_value=False,
        callback=_states_client("url"),
        help="Ask the controller there (or at AUTOSCALER_CLIENT__URL), not the store.",
    )
    token = click.option(
        "--token-file",
        expose_value=False,
        callback=_states_client("token_file"),
        help="The file with the token to show it.",
    )
    return url(token(command))


def _states_client(key: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def state(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.ensure_object(Context).overrides.setdefault("client", {})[key] = value

    return state


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    import asyncio

    return asyncio.run(work)


def now() -> float:
    """The time of this command, in Unix seconds."""
    return time.time()


def show(*renderables: RenderableType) -> None:
    """Print for people; colours and width as the terminal has them."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(highlight=False).print(*renderables, sep="\n")
        return
    text = StringIO()
    Console(file=text, width=WIDE, highlight=False).print(*renderables, sep="\n")
    click.echo("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def note(lines: Iterable[str], *, beside_json: bool) -> None:
    """What somebody should know besides; on standard error where JSON is printed."""
    for line in lines:
        click.secho(line, err=beside_json, fg="yellow")


def show_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print for machines: one document, indented, keys in a stable order."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def fail(message: str) -> click.ClickException:
    """An error that ends the command with exit code 1."""
    return click.ClickException(message)


class DurationType(click.ParamType[float]):
    """A duration as policies write it."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from autoscaler.durations import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

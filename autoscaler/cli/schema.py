"""`schema`: JSON Schema for editors, and the reference for people."""

from __future__ import annotations

import click

from autoscaler import reference
from autoscaler.cli.terminal import Context, pass_context, show_json
from autoscaler.schema import policy_schema, settings_schema


@click.command(short_help="JSON Schema of policies, for completion in editors.")
@click.option("--settings", "of_settings", is_flag=True, help="Of the settings file instead.")
@click.option("--markdown", is_flag=True, help="Print the reference for people instead.")
@pass_context
def schema(context: Context, of_settings: bool, markdown: bool) -> None:
    """Print the JSON Schema of a policy file, with the installed plugins' options.

    Editors with a YAML language server complete keys and show mistakes when the first line
    of a policy file names the schema:

    \b
    autoscaler schema > policies/.schema.json
    # yaml-language-server: $schema=.schema.json
    """
    if markdown:
        text = reference.settings_page() if of_settings else reference.policy_page()
        click.echo(text, nl=False)
    elif of_settings:
        show_json(settings_schema())
    else:
        show_json(policy_schema(context.settings().source_plugins))

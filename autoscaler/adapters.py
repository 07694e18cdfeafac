"""Adapters, as settings ask for them; made for `app.py`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from autoscaler import complaints, plugins
from autoscaler.errors import AutoscalerError
from autoscaler.ports import Notifier, Source
from autoscaler.problems import Problems
from autoscaler.settings import Settings
from autoscaler.strict_yaml import Document


def build_sources(settings: Settings) -> dict[str, Source]:
    """The sources that settings declare, and every other installed one that needs none."""
    sources = {
        name: adapter("sources", {"type": name, **options})
        for name, options in settings.sources.items()
    }
    for name in plugins.available("sources").keys() - sources.keys():
        # One that cannot do without settings is missed by the policy that names it.
        with suppress(AutoscalerError):
            sources[name] = adapter("sources", {"type": name})
    return sources


def build_notifiers(settings: Settings) -> dict[str, Notifier]:
    """The notifiers that settings declare."""
    return {
        name: adapter("notifiers", {"type": name, **options})
        for name, options in settings.notifiers.items()
    }


def adapter(kind: str, options: Mapping[str, Any]) -> Any:
    """An adapter of the plugin that `type` names, made as `ports/` says.

    Raises Invalid when there is no such plugin, or it refuses the options.
    """
    rest = dict(options)
    name = rest.pop("type")
    model = plugins.model(kind, name, "Settings")
    try:
        return plugins.load(kind, name)(model.model_validate(rest))
    except ValidationError as error:
        found = complaints.problems(error, Document(f"settings of {name}", rest), show=False)
        raise Problems(found) from error

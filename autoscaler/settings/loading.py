"""Layers into settings, or every problem with the place that the value came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from autoscaler import complaints, plugins
from autoscaler.addresses import shown
from autoscaler.errors import Invalid
from autoscaler.problems import Path as Keys
from autoscaler.problems import Problem, Problems
from autoscaler.settings.layers import SECRETS, Layer, merge, owner, read_layers
from autoscaler.settings.model import Settings
from autoscaler.strict_yaml import Document

_LISTS = ("tuple_type", "list_type", "set_type", "frozen_set_type")


def load_settings(
    config: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    secrets: Path = SECRETS,
) -> Settings:
    """The settings of this process, the options of its plugins checked.

    `config` names the file; without it the environment does, or the default file is read if
    there is one. `overrides` is what the command line states, nested like the file. Raises
    Problems (an Invalid): each says where its value came from, in a file with the line.
    """
    layers = read_layers(config, overrides or {}, secrets)
    merged = merge(layers)
    document = Document("", merged)
    _raise_any(_problems(Settings.model_validate, document), layers)
    _read_lists(merged, layers)
    _raise_any(list(_plugin_problems(merged)), layers)
    return Settings.model_validate(merged)


def _raise_any(problems: Sequence[Problem], layers: Sequence[Layer]) -> None:
    if problems:
        raise Problems(owner(layers, p.path).problem(p.path, p.message) for p in problems)


def _problems(
    validate: Callable[[Any], object], document: Document, *, show: bool = True
) -> list[Problem]:
    try:
        validate(document.data)
    except ValidationError as error:
        return complaints.problems(error, document, show=show)
    return []


def _plugin_problems(merged: Mapping[str, Any]) -> Iterator[Problem]:
    """Values are not shown: those of plugins may be secrets."""
    for path, kind, options in _plugins(merged):
        try:
            model = plugins.model(kind, str(options.get("type")), "Settings")
        except Invalid as error:
            yield Problem("", None, (*path, "type"), shown(str(error)))
            continue
        rest = Document("", _rest(options))
        for problem in _problems(model.model_validate, rest, show=False):
            yield Problem("", None, (*path, *problem.path), problem.message)


def _plugins(merged: Mapping[str, Any]) -> Iterator[tuple[Keys, str, Mapping[str, Any]]]:
    """Each plugin that settings name: where, its kind, its options with its type."""
    settings = Settings.model_validate(merged)
    yield ("orchestrator",), "orchestrators", settings.orchestrator
    for name, options in settings.sources.items():
        yield ("sources", name), "sources", {"type": name, **options}
    for name, options in settings.notifiers.items():
        yield ("notifiers", name), "notifiers", {"type": name, **options}


def _rest(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != "type"}


def _read_lists(merged: dict[str, Any], layers: Sequence[Layer]) -> None:
    """Where a plugin expects a list, and a variable holds text, the text is `one,two`."""
    for path, kind, options in _plugins(merged):
        try:
            model = plugins.model(kind, str(options.get("type")), "Settings")
            model.model_validate(_rest(options))
        except Invalid:
            continue
        except ValidationError as error:
            for line in error.errors(include_url=False):
                place = (*path, *line["loc"])
                if line["type"] in _LISTS and owner(layers, place).is_text:
                    _split(merged, place)


def _split(merged: dict[str, Any], path: Keys) -> None:
    inner: Any = merged
    for part in path[:-1]:
        inner = inner[part]
    text = inner[path[-1]]
    if isinstance(text, str):
        inner[path[-1]] = [part.strip() for part in text.split(",") if part.strip()]

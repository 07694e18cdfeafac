"""Where settings come from: each place is a layer, and an upper one hides those below."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from autoscaler.problems import Path as Keys
from autoscaler.problems import Place, Problem, Problems
from autoscaler.settings.model import Settings
from autoscaler.strict_yaml import Document, parse
from autoscaler.strict_yaml.reading import read_text

DEFAULT_FILE = Path("config/autoscaler.yaml")
SECRETS = Path("/run/secrets")
PREFIX = "AUTOSCALER_"
NESTED = "__"


class _Readable(BaseSettings, Settings):
    """What the readers of pydantic-settings look at; never made."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        env_ignore_empty=True,
        secrets_prefix=PREFIX.lower(),
        secrets_nested_delimiter=NESTED,
        secrets_dir_missing="ok",
    )


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place states."""

    name: str
    data: Mapping[str, Any]
    places: Mapping[Keys, Place] = field(default_factory=dict)
    """Lines and columns, for a file."""
    is_text: bool = False
    """Whether all values are text, as variables are."""

    def depth(self, path: Keys) -> int:
        """How much of a path the layer states."""
        data: Any = self.data
        for known, part in enumerate(path):
            if not isinstance(data, Mapping) or part not in data:
                return known
            data = data[part]
        return len(path)

    def problem(self, path: Keys, message: str) -> Problem:
        """A problem with what the layer states."""
        return Document(self.name, self.data, self.places).problem(path, message)


def read_layers(
    config: str | Path | None, overrides: Mapping[str, Any], secrets: Path
) -> Sequence[Layer]:
    """All layers, the uppermost first. Raises Problems."""
    _refuse_misspelt()
    return (
        Layer("command line", overrides),
        _variables("environment", lambda: EnvSettingsSource(_Readable)),
        _variables(str(secrets), lambda: _secrets(secrets)),
        _file(config or os.environ.get(f"{PREFIX}CONFIG")),
    )


def merge(layers: Sequence[Layer]) -> dict[str, Any]:
    """One document of all layers."""
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        merged = _over(layer.data, merged)
    return merged


def owner(layers: Sequence[Layer], path: Keys) -> Layer:
    """The layer that stated the value at a path, or most of the way to it."""
    return max(layers, key=lambda layer: layer.depth(path))


def _over(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(lower)
    for key, value in upper.items():
        below = both.get(key)
        nested = isinstance(value, Mapping) and isinstance(below, Mapping)
        both[key] = _over(value, below) if nested else value  # type: ignore[arg-type]
    return both


def _file(named: str | Path | None) -> Layer:
    path = Path(named) if named else DEFAULT_FILE
    if not named and not path.exists():
        return Layer(str(path), {})
    document = parse(read_text(path), str(path))
    if document.data is None:
        return Layer(str(path), {})
    if not isinstance(document.data, dict):
        raise Problems([document.problem((), "expected a mapping of settings")])
    return Layer(str(path), document.data, document.places)


def _variables(name: str, reader: Any) -> Layer:
    """What variables, or files that stand for them, state. Raises Problems."""
    try:
        data = reader()()
    except SettingsError as error:
        message = f"{error}: {error.__cause__}" if error.__cause__ else str(error)
        raise Problems([Problem(name, None, (), message)]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Problems([Problem(name, None, (), f"cannot be read: {error}")]) from error
    return Layer(name, {key: _decoded(value) for key, value in data.items()}, is_text=True)


def _secrets(directory: Path) -> NestedSecretsSettingsSource:
    return NestedSecretsSettingsSource(SecretsSettingsSource(_Readable, directory))


def _decoded(value: Any) -> Any:
    """Lists and mappings for plugins, whose options are not known here, are JSON."""
    if isinstance(value, dict):
        return {key: _decoded(inner) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith(("[", "{")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _refuse_misspelt() -> None:
    """Other variables may share the prefix; one that looks like a setting is a mistake."""
    problems = [
        Problem("environment", None, (), f"{name} sets nothing; did you mean {PREFIX}{meant}?")
        for name, meant in _misspelt()
    ]
    if problems:
        raise Problems(problems)


def _misspelt() -> Iterator[tuple[str, str]]:
    known = [name.upper() for name in (*Settings.model_fields, "config")]
    for name in sorted(os.environ):
        if name.startswith(PREFIX):
            stated = name.removeprefix(PREFIX).partition(NESTED)[0]
            close = difflib.get_close_matches(stated, known, n=1, cutoff=0.8)
            if close and stated not in known:
                yield name, close[0]

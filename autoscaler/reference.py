"""The reference pages, drawn from the same models that check what a person writes.

`python -m autoscaler.reference` writes docs/policy.md and docs/settings.md anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from autoscaler.schema import RANGE, Schema, is_duration, policy_schema, settings_schema

_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
}
_BOUNDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "up to",
    "exclusiveMaximum": "below",
}
_DURATION_BOUNDS = {"ge": "from", "gt": "above", "le": "up to", "lt": "below"}
_POLICY = """\
# Policies

A policy file holds `version: 1` and a list of `policies:`. All files below the directories
that settings name are read together, `*.yaml` and `*.yml`, hidden files and directories
named `examples` apart. They are loaded as a whole: a mistake in one file leaves the policies
in force that were loaded before, and is told with file, line and key.

`autoscaler check` looks for mistakes without a cluster, `autoscaler schema` makes editors
complete keys. `policies/examples` has policies to start from.

Durations are written as Docker writes them: `500ms`, `30s`, `5m`, `1h30m`. YAML that its
versions read differently (`yes`, `010`, `1:30`, `1e3`) is refused: write `true`, or quotes.
"""
_SETTINGS = """\
# Settings

Settings are those of the process, not of a service. Each comes from the first of these that
states it:

1. the command line: `--interval 30s`, or `--set brake.percent=5` for any of them;
2. the environment: `AUTOSCALER_INTERVAL=30s`, nested with two underscores:
   `AUTOSCALER_BRAKE__PERCENT=5`; lists with commas: `AUTOSCALER_POLICIES=shop,mail`;
3. files in `/run/secrets`, named like the variables: `autoscaler_brake__percent`;
4. the file `config/autoscaler.yaml`; `--config` or `AUTOSCALER_CONFIG` names another;
5. the defaults below.

A mistake is told with the place that the value came from. `autoscaler check` looks for them.
"""


def policy_page() -> str:
    """docs/policy.md."""
    return _Page(policy_schema()).text(_POLICY, "A policy file")


def settings_page() -> str:
    """docs/settings.md."""
    return _Page(settings_schema()).text(_SETTINGS, "The settings")


class _Page:
    """Draws a schema: a section for each mapping, a row for each key."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._defs: Schema = schema["$defs"]

    def text(self, head: str, title: str) -> str:
        made_by = "<!-- Written by `python -m autoscaler.reference`; change the models instead. -->"
        return "\n\n".join([made_by, head.rstrip(), *self._sections(title)]) + "\n"

    def _sections(self, title: str) -> Iterator[str]:
        """In the order in which a reader meets them."""
        queue = [(title, {k: v for k, v in self._schema.items() if k != "$defs"})]
        met: set[str] = set()
        while queue:
            name, model = queue.pop(0)
            if "properties" in model:
                yield self._section(name, model)
            new = [name for name in dict.fromkeys(_references(model)) if name not in met]
            met.update(new)
            queue = [(name.replace("-", " "), self._defs[name]) for name in new] + queue

    def _section(self, name: str, model: Schema) -> str:
        lines = [f"## {name}", "", _text(model), ""] if _text(model) else [f"## {name}", ""]
        lines += ["| Key | Value | Default | Meaning |", "|---|---|---|---|"]
        required = model.get("required", ())
        for key, field in model["properties"].items():
            default = "required" if key in required else _default(field)
            cells = (f"`{key}`", self._kind(field), default, self._meaning(field))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return "\n".join(lines)

    def _meaning(self, field: Mapping[str, Any]) -> str:
        """The field's own sentence, or else that of what it refers to."""
        own = _text(field)
        return own or _text(self._defs[_name(field["$ref"])]) if "$ref" in field else own

    def _kind(self, field: Mapping[str, Any]) -> str:
        """What may be written, in words."""
        if "$ref" in field:
            return self._referred(_name(field["$ref"]))
        if is_duration(field):
            return "duration" + _duration_range(field.get(RANGE, {}))
        if "anyOf" in field:
            kinds = [self._kind(one) for one in field["anyOf"] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
        if "enum" in field:
            return ", ".join(f"`{value}`" for value in field["enum"])
        if "const" in field:
            return f"`{field['const']}`"
        return self._plain(field)

    def _referred(self, name: str) -> str:
        """A link to a section; what has none is told in place."""
        if "properties" not in self._defs[name]:
            return self._kind(self._defs[name])
        title = name.replace("-", " ")
        return f"[{title}](#{title.lower().replace(' ', '-')})"

    def _plain(self, field: Mapping[str, Any]) -> str:
        kind = field.get("type")
        if kind == "array":
            return f"list of {self._kind(field.get('items', {}))}"
        if kind == "object":
            inner = field.get("additionalProperties")
            kind = f"mapping to {self._kind(inner)}" if isinstance(inner, dict) else "mapping"
            return kind.removesuffix(" to anything")
        return _KINDS.get(str(kind), "anything") + _range(field)


def _text(schema: Mapping[str, Any]) -> str:
    return " ".join(str(schema.get("description", "")).split())


def _default(field: Mapping[str, Any]) -> str:
    """A default as it would be written; that of a mapping stands in the mapping's section."""
    default = _without_nothing(field.get("default"))
    if default in (None, "") or isinstance(default, dict):
        return ""
    return f"`{json.dumps(default, ensure_ascii=False)}`".replace('"', "")


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(inner) for key, inner in value.items() if inner is not None}
    return [_without_nothing(inner) for inner in value] if isinstance(value, list) else value


def _range(field: Mapping[str, Any]) -> str:
    if "minimum" in field and field["minimum"] == field.get("maximum"):
        return f": {field['minimum']}"
    said = [f"{word} {field[key]:,}" for key, word in _BOUNDS.items() if key in field]
    return ", " + " ".join(said) if said else ""


def _duration_range(bounds: Mapping[str, str]) -> str:
    """`0s` as the least goes without saying: a duration is never negative."""
    told = {key: bound for key, bound in bounds.items() if (key, bound) != ("ge", "0s")}
    said = [f"{word} {told[key]}" for key, word in _DURATION_BOUNDS.items() if key in told]
    return ", " + " ".join(said) if said else ""


def _name(reference: str) -> str:
    return reference.removeprefix("#/$defs/")


def _references(schema: Any) -> Iterator[str]:
    """The names of definitions that a schema refers to, in order."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield _name(schema["$ref"])
        yield from _in_all(schema.values())
    elif isinstance(schema, list):
        yield from _in_all(schema)


def _in_all(schemas: Iterable[Any]) -> Iterator[str]:
    for schema in schemas:
        yield from _references(schema)


def main(root: Path = Path("docs")) -> None:
    """Write both pages."""
    root.mkdir(exist_ok=True)
    (root / "policy.md").write_text(policy_page())
    (root / "settings.md").write_text(settings_page())


if __name__ == "__main__":
    main()

"""JSON Schema of what a person writes, with the options of the installed plugins in place.

Pydantic knows the models; a metric's keys come from two plugins that the metric itself names.
So the schema of a metric, and of other questions, is made here: one alternative per source,
each with that source's options; for a metric with every strategy, of which exactly one must
be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from autoscaler import plugins
from autoscaler.durations import format_duration
from autoscaler.errors import Invalid
from autoscaler.policy import PolicyFile
from autoscaler.policy.heal import asks
from autoscaler.settings import Settings

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The one that editors understand best."""
BOUNDS = ("ge", "gt", "le", "lt")
RANGE = "x-range"
"""Where the range of a duration stands: `ge`, `gt`, `le`, `lt`, as a person would write it."""
Schema = dict[str, Any]
_PLUGIN = BaseModel.__name__
"""The definition that stands where any plugin's model may."""


def policy_schema(sources: Mapping[str, str] = MappingProxyType({})) -> Schema:
    """The schema of a policy file; `sources` maps names from settings to plugins."""
    options = dict(_models("sources", "Options"))
    strategies, rules = dict(_models("strategies")), dict(_models("healing"))
    plugged = [*options.values(), *strategies.values(), *rules.values()]
    schema, of = _together(PolicyFile, plugged)
    chosen = {name: {"$ref": of[model]} for name, model in strategies.items()}
    asked = {plugin: _resolve(schema["$defs"], of[model]) for plugin, model in options.items()}
    described = {name: _resolve(schema["$defs"], of[model]) for name, model in rules.items()}
    asking = {name: _fills(model) for name, model in rules.items() if asks(model)}
    _fill_rules(schema["$defs"], described, asking, asked, sources)
    _fill_slots(schema["$defs"], asked, chosen, sources)
    return {"$schema": DIALECT, "title": "Policies of the autoscaler", **schema}


def settings_schema() -> Schema:
    """The schema of the settings file, with the plugins' settings."""
    clusters = dict(_models("orchestrators", "Settings"))
    sources = dict(_models("sources", "Settings"))
    notifiers = dict(_models("notifiers", "Settings"))
    plugged = [*clusters.values(), *sources.values(), *notifiers.values()]
    schema, of = _together(Settings, plugged)
    defs, properties = schema["$defs"], schema["properties"]

    def defined(kind: str, name: str, model: type[BaseModel], default: str = "") -> Schema:
        return _define(defs, f"{kind} {name}", _typed(name, _resolve(defs, of[model]), default))

    cluster = [defined("Cluster", name, model, "swarm") for name, model in clusters.items()]
    source = [defined("Source", name, model) for name, model in sources.items()]
    properties["orchestrator"] |= {
        "type": ["object", "string"],
        "anyOf": [*cluster, {"type": "string"}],
    }
    properties["sources"]["additionalProperties"] = {"anyOf": [*source, {"type": "null"}]}
    told = [defined("Notifier", name, model) for name, model in notifiers.items()]
    properties["notifiers"]["additionalProperties"] = {"anyOf": [*told, {"type": "null"}]}
    return {"$schema": DIALECT, "title": "Settings of the autoscaler", **schema}


def _models(kind: str, attribute: str = "") -> Iterable[tuple[str, type[BaseModel]]]:
    """Plugins' models by name. A plugin that cannot be loaded is passed over."""
    for name in plugins.available(kind):
        with suppress(Invalid):
            yield name, plugins.model(kind, name, attribute)


def _together(
    root: type[BaseModel], others: Sequence[type[BaseModel]]
) -> tuple[Schema, dict[type[BaseModel], str]]:
    """The root's schema with all definitions, and the reference of each other model."""
    models = list(dict.fromkeys([root, *others]))
    references, definitions = models_json_schema([(model, "validation") for model in models])
    defs: Schema = definitions["$defs"]
    of = {model: str(references[model, "validation"]["$ref"]) for model in models}
    _mend_durations(defs)
    for model in dict.fromkeys(inner for one in models for inner in _within(one)):
        _tell_ranges(model, defs.get(of.get(model, model.__name__).removeprefix("#/$defs/"), {}))
    schema = defs.pop(of[root].removeprefix("#/$defs/"))
    return {**schema, "$defs": defs}, of


def _mend_durations(schema: Any) -> None:
    """Pydantic tells the defaults of durations in seconds; a document says `5m`."""
    if isinstance(schema, dict):
        if is_duration(schema) and isinstance(schema.get("default"), (int, float)):
            schema["default"] = format_duration(schema["default"])
        for inner in schema.values():
            _mend_durations(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _mend_durations(inner)


def _within(kind: Any) -> Iterator[type[BaseModel]]:
    """The models that a type, or the fields of a model, are made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from _within(field.annotation)
    for inner in get_args(kind):
        yield from _within(inner)


def _tell_ranges(model: type[BaseModel], schema: Schema) -> None:
    """A duration is text to JSON Schema, so its range goes under a key of our own."""
    for name, field in model.model_fields.items():
        described = schema.get("properties", {}).get(name, {})
        if is_duration(described):
            bounds = {key: _bound(field.metadata, key) for key in BOUNDS}
            described[RANGE] = {key: bound for key, bound in bounds.items() if bound}


def _bound(metadata: Iterable[Any], key: str) -> str | None:
    found = [getattr(one, key) for one in metadata if hasattr(one, key)]
    return format_duration(found[0]) if found else None


def is_duration(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is that of a duration."""
    kinds = [schema, *schema.get("anyOf", ())]
    return any("1h30m" in kind.get("examples", ()) for kind in kinds)


def _resolve(defs: Mapping[str, Any], reference: str) -> Schema:
    found: Schema = defs[reference.removeprefix("#/$defs/")]
    return found


def _define(defs: Schema, title: str, schema: Schema) -> Schema:
    """Put a schema beside the others; what refers to it."""
    name = title.replace(" ", "-")
    defs[name] = {**schema, "title": title}
    return {"$ref": f"#/$defs/{name}"}


def _fill_slots(
    defs: Schema,
    asked: Mapping[str, Schema],
    strategies: Mapping[str, Any],
    sources: Mapping[str, str],
) -> None:
    """Replace each model that plugins fill by its alternatives, one per source."""
    for title in [title for title, model in defs.items() if _slots(model)]:
        model = defs[title]
        defs[title] = {
            "anyOf": [
                _define(
                    defs,
                    f"{title} from {plugin}",
                    _question(model, plugin, options, strategies, sources),
                )
                for plugin, options in asked.items()
            ]
        }
    defs.pop(_PLUGIN, None)


def _fills(rule: type[BaseModel]) -> frozenset[str]:
    """Required options of a source that a rule states itself."""
    filled: frozenset[str] = getattr(rule, "fills", frozenset())
    return filled


def _fill_rules(
    defs: Schema,
    rules: Mapping[str, Schema],
    asking: Mapping[str, frozenset[str]],
    asked: Mapping[str, Schema],
    sources: Mapping[str, str],
) -> None:
    """Replace the entry of `heal:` by its alternatives, one per rule."""
    entry, alternatives = defs["Heal"], []
    for name, options in rules.items():
        described = _rule(entry, name, options)
        if name in asking:
            described["anyOf"] = [
                _asked_of(described, plugin, question, asking[name], sources)
                for plugin, question in asked.items()
            ]
        else:
            del described["properties"]["source"]
            described["additionalProperties"] = False
        alternatives.append(_define(defs, f"Heal by {name}", described))
    defs["Heal"] = {"anyOf": alternatives}


def _rule(entry: Schema, name: str, options: Schema) -> Schema:
    """An entry of `heal:` with one rule and its options."""
    slots = _slots(entry)
    own = {key: field for key, field in entry["properties"].items() if key not in slots}
    needed = [key for key in entry.get("required", ()) if key not in slots]
    rule = {**own["rule"], "enum": [name]}
    return {
        "type": "object",
        "description": options.get("description", ""),
        "properties": {**own, "rule": rule, **options.get("properties", {})},
        "required": [*needed, *options.get("required", ())],
    }


def _asked_of(
    entry: Schema,
    plugin: str,
    options: Schema,
    fills: frozenset[str],
    sources: Mapping[str, str],
) -> Schema:
    """What of an entry of `heal:` holds for one source; the entry says the rest."""
    source, implied = _source(entry["properties"]["source"], plugin, sources)
    needed = [key for key in options.get("required", ()) if key not in fills]
    stated = {**options.get("properties", {}), **dict.fromkeys(entry["properties"], True)}
    return {
        "properties": {**stated, "source": source},
        "required": [*needed, *(() if implied else ("source",))],
        "additionalProperties": False,
    }


def _source(field: Schema, plugin: str, sources: Mapping[str, str]) -> tuple[Schema, bool]:
    """The key `source` for one plugin, and whether it need not be stated."""
    names = [name for name, behind in sources.items() if behind == plugin]
    named = {**field, "enum": [*dict.fromkeys([plugin, *names])]}
    return named, named.get("default") == plugin


def _slots(model: Schema) -> list[str]:
    """The fields of a model that plugins fill: what a person writes for them stands beside."""
    properties = model.get("properties", {})
    return [key for key, field in properties.items() if _PLUGIN in json.dumps(field)]


def _question(
    model: Schema,
    plugin: str,
    options: Schema,
    strategies: Mapping[str, Any],
    sources: Mapping[str, str],
) -> Schema:
    """A question to one source: its own keys, the source's, and perhaps a strategy's."""
    slots = _slots(model)
    own = {key: field for key, field in model["properties"].items() if key not in slots}
    source, by_default = _source(own["source"], plugin, sources)
    chosen = strategies if "strategy" in slots else {}
    needed = [key for key in model.get("required", ()) if key not in slots]
    return {
        "type": "object",
        "description": model.get("description", ""),
        "properties": {**own, "source": source, **options.get("properties", {}), **chosen},
        "required": [*needed, *options.get("required", ()), *(() if by_default else ("source",))],
        "additionalProperties": False,
        **({"oneOf": [{"required": [name]} for name in chosen]} if chosen else {}),
    }


def _typed(plugin: str, settings: Schema, default: str = "") -> Schema:
    """A plugin's settings, with `type` beside them."""
    named = {"type": "string", "description": "The plugin.", "enum": [plugin]}
    if default == plugin:
        named["default"] = plugin
    return {**settings, "properties": {"type": named, **settings.get("properties", {})}}

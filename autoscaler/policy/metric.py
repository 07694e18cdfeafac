"""A question to a source, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SerializeAsAny, ValidationInfo, model_validator

from autoscaler import plugins
from autoscaler.errors import Invalid
from autoscaler.strict import Strict, custom, refuse_unknown, valid_keys, validate_at

Name = Annotated[str, Field(max_length=128)]


class Coverage(Strict):
    """Guards against data that are fresh but tell of only a part of the targets."""

    query: str
    """Answers the share of the expected targets that are seen, from 0 to 1."""
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Below this share nothing shrinks."""


class Metric(Strict):
    """A question to a source, and the strategy that turns the answer into replicas.

    The keys of the source's options stand beside these; exactly one further key names
    the strategy (`target:`, ...) and holds its options.
    """

    name: Name = ""
    """Names the metric in decisions; the strategy's name if left out."""
    source: str = "prometheus"
    """The source that is asked."""
    coverage: Coverage | None = None
    """A second query to the same source, that tells how far the answer can be trusted."""
    activation: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """With `min: 0`: up to this value there is nothing to do and the service goes to zero, above
    it the service wakes. Unless stated, and with a higher `min`, the strategy alone decides."""
    group: Name = ""
    """Metrics of a named group speak as one, and one that is content does not keep the others
    from shrinking; each metric without a group speaks for itself."""
    on_error: Literal["hold", "ignore"] = "hold"
    """While it cannot be trusted: nothing shrinks (`hold`), or the service is scaled by the other
    metrics as if this one were not there (`ignore`)."""
    options: SerializeAsAny[BaseModel]
    strategy: SerializeAsAny[BaseModel]
    coverage_options: SerializeAsAny[BaseModel] | None = None

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any, info: ValidationInfo) -> Any:
        """Build the plugins while validating, so that their errors have a place."""
        if not isinstance(data, Mapping):
            return data
        return _with_plugins(data, (info.context or {}).get("sources", {}))


_OWN = ("name", "source", "coverage", "activation", "group", "on_error")


def _with_plugins(data: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, Any]:
    chosen = _strategy_of(data)
    asked = options_model(str(data.get("source", "prometheus")), sources)
    own = {key: data[key] for key in _OWN if key in data}
    rest = {key: value for key, value in data.items() if key not in own and key != chosen}
    names = [*plugins.available("strategies")]
    refuse_unknown("Metric", rest, [*valid_keys(asked), *_OWN, *names])
    own["name"] = own.get("name") or chosen
    own["options"] = asked.model_validate(rest)
    own["coverage_options"] = _coverage_options(asked, rest, data.get("coverage"))
    own["strategy"] = validate_at(chosen, _strategy_model(chosen), data[chosen])
    return own


def options_model(source: str, sources: Mapping[str, str]) -> type[BaseModel]:
    """What a policy may write for a source; `sources` maps declared names to plugins.

    Raises an error that can be placed when there is no such source.
    """
    try:
        return plugins.model("sources", sources.get(source, source), "Options")
    except Invalid as error:
        raise custom("source", f"{error}") from error


def _strategy_of(data: Mapping[str, Any]) -> str:
    """The one key that names a strategy."""
    known = plugins.available("strategies")
    named = [key for key in data if key in known]
    if len(named) != 1:
        found = " and ".join(named) or "none"
        message = f"state exactly one strategy of {', '.join(known)}; found {found}"
        raise custom("strategy", message)
    return named[0]


def _strategy_model(name: str) -> type[BaseModel]:
    try:
        return plugins.model("strategies", name)
    except Invalid as error:
        raise custom("strategy", f"{error}") from error


def _coverage_options(
    asked: type[BaseModel], rest: Mapping[str, Any], coverage: Any
) -> BaseModel | None:
    """The coverage query, asked in the same way as the metric's own."""
    if not isinstance(coverage, Mapping) or "query" not in coverage:
        return None
    return asked.model_validate({**rest, "query": coverage["query"]})


class Hold(Strict):
    """A question whose answer keeps a service from shrinking while it is not zero.

    The keys of the source's options stand beside these.
    """

    name: Name
    """Names the condition in decisions."""
    source: str = "prometheus"
    """The source that is asked."""
    options: SerializeAsAny[BaseModel]

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any, info: ValidationInfo) -> Any:
        """Build the source's options while validating, so that their errors have a place."""
        if not isinstance(data, Mapping):
            return data
        sources = (info.context or {}).get("sources", {})
        asked = options_model(str(data.get("source", "prometheus")), sources)
        own = {key: data[key] for key in ("name", "source") if key in data}
        rest = {key: value for key, value in data.items() if key not in own}
        refuse_unknown("Hold", rest, [*valid_keys(asked), "name", "source"])
        return {**own, "options": asked.model_validate(rest)}

"""A question to a source, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    ValidationInfo,
    model_validator,
)

from autoscaler import plugins
from autoscaler.errors import Invalid
from autoscaler.strict import Mistakes, Strict, custom, valid_keys

Question = TypeVar("Question", bound=BaseModel)

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
    """Names the metric in decisions; the start of its query if left out, or without one the name
    of its source."""
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

    @model_validator(mode="wrap")
    @classmethod
    def _strictly(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Build the plugins while validating, so that their errors have a place."""
        if not isinstance(data, Mapping):
            return handler(data)
        mistakes = Mistakes(cls.__name__)
        asked = asked_options(mistakes, data, info)
        beside = [*_OWN, *plugins.available("strategies")]
        known = mistakes.sift(cls, data, [*beside, *(valid_keys(asked) if asked else data)])
        own = {key: known[key] for key in _OWN if key in known}
        own |= _strategy(mistakes, known)
        if asked is not None:
            rest = {key: value for key, value in known.items() if key not in beside}
            own |= _options(mistakes, asked, rest, own.get("coverage"))
        return mistakes.build(handler, own, "options", "strategy")


LONGEST_CALLED = 40
"""Characters of a query that name a metric."""
_OWN = ("name", "source", "coverage", "activation", "group", "on_error")


def asked_options(
    mistakes: Mistakes, data: Mapping[str, Any], info: ValidationInfo
) -> type[BaseModel] | None:
    """The options of the source that is asked."""
    sources = (info.context or {}).get("sources", {})
    name = str(data.get("source", "prometheus"))
    return mistakes.keep(lambda: options_model(name, sources), "source")


def _strategy(mistakes: Mistakes, data: Mapping[str, Any]) -> dict[str, Any]:
    """The strategy, and what the metric is called where it has no name of its own."""
    chosen = mistakes.keep(lambda: _strategy_of(data))
    if chosen is None:
        return {}
    built = mistakes.keep(lambda: _strategy_model(chosen).model_validate(data[chosen]), chosen)
    return {"strategy": built, "name": data.get("name") or _called(data)}


def _called(data: Mapping[str, Any]) -> str:
    asked = " ".join(str(data.get("query") or data.get("source", "prometheus")).split())
    return asked if len(asked) <= LONGEST_CALLED else f"{asked[:LONGEST_CALLED]}..."


def _options(
    mistakes: Mistakes, asked: type[BaseModel], rest: Mapping[str, Any], coverage: Any = None
) -> dict[str, Any]:
    """The question, and the one for coverage, which is asked in the same way."""
    options = mistakes.keep(lambda: asked.model_validate(rest))
    if options is None or not isinstance(coverage, Mapping) or "query" not in coverage:
        return {"options": options}
    query = {**rest, "query": coverage["query"]}
    also = mistakes.keep(lambda: asked.model_validate(query), "coverage")
    return {"options": options, "coverage_options": also}


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


class Hold(Strict):
    """A question whose answer keeps a service from shrinking while it is not zero.

    The keys of the source's options stand beside these.
    """

    name: Name
    """Names the condition in decisions."""
    source: str = "prometheus"
    """The source that is asked."""
    options: SerializeAsAny[BaseModel]

    @model_validator(mode="wrap")
    @classmethod
    def _strictly(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Build the source's options while validating, so that their errors have a place."""
        return strictly_asked(cls, data, handler, info)


def strictly_asked(
    model: type[Question],
    data: Any,
    handler: ModelWrapValidatorHandler[Question],
    info: ValidationInfo,
) -> Question:
    """A question: its own keys, and those beside them as its source's `options`."""
    if not isinstance(data, Mapping):
        return handler(data)
    mistakes = Mistakes(model.__name__)
    asked = asked_options(mistakes, data, info)
    names = [key for key in model.model_fields if key != "options"]
    known = mistakes.sift(model, data, [*names, *(valid_keys(asked) if asked else data)])
    own: dict[str, Any] = {key: known.pop(key) for key in names if key in known}
    if asked is not None:
        own |= _options(mistakes, asked, known)
    return mistakes.build(handler, own, "options")

"""What to do about a service that is sick, and when to stop doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    ValidationInfo,
    model_validator,
)

from autoscaler import plugins
from autoscaler.durations import Duration
from autoscaler.errors import Invalid
from autoscaler.policy.metric import Name, asked_options
from autoscaler.ports import AskingRule
from autoscaler.strict import Mistakes, Strict, custom, valid_keys


class Disruption(Strict):
    """What healing may cost a service, and when it gives up."""

    min_available: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """A cure never takes the healthy tasks below this number. It may not be above `min` of `scale`
    or of a schedule, but for a `min` of 0: a service that sleeps needs no cure."""
    backoff: Annotated[Duration, Field(ge=1, le=3600)] = 10.0
    """Pause after a heal; it doubles with each further one."""
    backoff_max: Annotated[Duration, Field(ge=1, le=86_400)] = 300.0
    """The pause grows no further than this."""
    well_after: Annotated[Duration, Field(ge=1, le=86_400)] = 600.0
    """Healthy for so long, and earlier heals are taken for successful and forgotten."""
    quarantine_after: Annotated[int, Field(ge=1, le=100)] = 3
    """After so many heals that did not last, the service is left alone until a person or a new
    release sets it free."""


class Heal(Strict):
    """A rule that finds what is sick, and the cure.

    The keys of the rule's options stand beside these.
    """

    name: Name = ""
    """Names the entry in decisions; the rule's name if left out."""
    rule: str
    """The rule that examines the service."""
    then: Literal["rollback", "restart", "replace", "rebalance", "notify"]
    """`rollback` brings the last good release back; `restart` replaces all tasks under the
    service's own update settings; `replace` one task, by stopping its container; `rebalance` all,
    so that Swarm spreads them anew; `notify` only tells."""
    otherwise: Literal["restart"] | None = Field(default=None, alias="or")
    """What to fall back to where there is no release to go back to; or where a container cannot
    be stopped: no agent on its node, or a restart policy by which Swarm might not replace it."""
    lasting: Annotated[Duration, Field(ge=0, le=86_400)] = Field(default=0.0, alias="for")
    """The finding must have held for so long; unless stated 30 s for `imbalance`, since nodes are
    listed now and then only, and else 0."""
    cooldown: Annotated[Duration, Field(ge=0, le=604_800)] = 600.0
    """Pause between two cures, or two notices, of this entry."""
    source: str = "prometheus"
    """The source that is asked, by a rule that goes by an answer; its options stand beside."""
    check: SerializeAsAny[BaseModel]
    options: SerializeAsAny[BaseModel] | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _strictly(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Build the rule while validating, so that its errors have a place."""
        if not isinstance(data, Mapping):
            return handler(data)
        mistakes, model, rule = Mistakes(cls.__name__), None, data.get("rule")
        if rule is not None:
            model = mistakes.keep(lambda: rule_model(str(rule)), "rule")
        asked = asked_options(mistakes, data, info) if model and asks(model) else None
        known = mistakes.sift(cls, data, _valid(model, asked) or data)
        own: dict[str, Any] = {key: known.pop(key) for key in (*OWN, "source") if key in known}
        own["name"] = own.get("name") or str(rule or "")
        own.setdefault("for", getattr(model, "lasting", "0s"))
        own |= _built(mistakes, model, asked, known)
        return mistakes.build(handler, own, "check", "options")

    @model_validator(mode="after")
    def _may_help(self) -> Self:
        """Refuse a cure that cannot help against what the rule finds."""
        cures = sorted(getattr(self.check, "cures", ()))
        if self.otherwise and self.then not in ("replace", "rollback"):
            raise ValueError(f"or: {self.otherwise} is for then: replace or rollback")
        for key, asked in (("then", self.then), ("or", self.otherwise)):
            if cures and asked and asked not in cures:
                told = f"{key}: {asked} does not help against {self.rule}"
                raise ValueError(f"{told}; try {' or '.join(cures)}")
        return self

    @property
    def sees_nodes(self) -> bool:
        """Whether the rule looks at the nodes."""
        return bool(getattr(self.check, "sees_nodes", False))


OWN = ("name", "rule", "then", "or", "for", "cooldown")
"""The keys that every entry of `heal:` may have."""


def asks(rule: type[BaseModel]) -> bool:
    """Whether a rule goes by an answer of a source."""
    return hasattr(rule, "question")


def _valid(rule: type[BaseModel] | None, asked: type[BaseModel] | None) -> list[str]:
    """The keys that an entry may have; none where that cannot be told."""
    if rule is None or (asks(rule) and asked is None):
        return []
    return [*OWN, *valid_keys(rule), *(("source", *valid_keys(asked)) if asked else ())]


def _built(
    mistakes: Mistakes,
    rule: type[BaseModel] | None,
    asked: type[BaseModel] | None,
    stated: dict[str, Any],
) -> dict[str, Any]:
    """The rule, and its question to a source if it goes by an answer."""
    if rule is None:
        return {"check": None}
    of_rule = {key: stated.pop(key) for key in valid_keys(rule) if key in stated}
    check = mistakes.keep(lambda: rule.model_validate(of_rule))
    if asked is None or check is None:
        return {"check": check}
    filled = mistakes.keep(lambda: cast("AskingRule", check).question())
    if filled is None:
        return {"check": check}
    names = {key: key for key in valid_keys(asked)} | getattr(asked, "filled_by", {})
    options = {key: filled[name] for key, name in names.items() if name in filled} | stated
    return {"check": check, "options": mistakes.keep(lambda: asked.model_validate(options))}


def rule_model(name: str) -> type[BaseModel]:
    """The rule of this name. Raises an error that can be placed when there is none."""
    try:
        return plugins.model("healing", name)
    except Invalid as error:
        raise custom("rule", f"{error}") from error

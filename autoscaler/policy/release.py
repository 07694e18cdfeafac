"""What a new release must show, and what becomes of one that does not."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    ValidationInfo,
    model_validator,
)

from autoscaler.durations import Duration
from autoscaler.policy.metric import Name, strictly_asked
from autoscaler.strict import Strict

Number = Annotated[float, Field(allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]

TRAFFIC = "traffic"
"""Names the answer to the question how much traffic there is; no check may be called so."""


class Check(Strict):
    """A question whose answer tells whether a release is good.

    The keys of the source's options stand beside these.
    """

    name: Name
    """Names the check in decisions."""
    source: str = "prometheus"
    """The source that is asked."""
    max: Number | None = None
    """The answer may not be above this."""
    min: Number | None = None
    """The answer may not be below this."""
    max_increase: Percent | None = None
    """The answer may not be more than so many percent above what it was before the change."""
    max_decrease: Annotated[Percent, Field(le=100)] | None = None
    """The answer may not be more than so many percent below what it was before the change."""
    failure_limit: Annotated[int, Field(ge=0, le=1000)] = 2
    """So many evaluations may fail; with one more the release has failed."""
    options: SerializeAsAny[BaseModel]

    @property
    def compares(self) -> bool:
        """Whether it needs to know what the answer was before the change."""
        return self.max_increase is not None or self.max_decrease is not None

    @model_validator(mode="wrap")
    @classmethod
    def _strictly(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Build the source's options while validating, so that their errors have a place."""
        return strictly_asked(cls, data, handler, info)

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.max is None and self.min is None and not self.compares:
            raise ValueError("state a limit: max, min, max_increase or max_decrease")
        return self


class Traffic(Strict):
    """A question how much traffic there is: with too little of it no check says anything.

    The keys of the source's options stand beside these.
    """

    source: str = "prometheus"
    """The source that is asked."""
    min: Annotated[Number, Field(gt=0)]
    """Below this every check is inconclusive."""
    options: SerializeAsAny[BaseModel]

    @model_validator(mode="wrap")
    @classmethod
    def _strictly(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Build the source's options while validating, so that their errors have a place."""
        return strictly_asked(cls, data, handler, info)


class Release(Strict):
    """The watch over new releases, and the memory of good ones."""

    checks: tuple[Check, ...] = ()
    """What a new release must show while it is watched; without any, none is watched."""
    watch: Annotated[Duration, Field(ge=1, le=604_800)] = 600.0
    """How long a release is watched, from the end of its rollout and the warm-up on."""
    warmup: Annotated[Duration, Field(ge=0, le=86_400)] = 60.0
    """So long after its rollout nothing is evaluated: at least the range of the queries."""
    interval: Annotated[Duration, Field(ge=1, le=3600)] = 30.0
    """Pause between two evaluations."""
    traffic: Traffic | None = None
    """With less traffic than this no check says anything."""
    error_limit: Annotated[int, Field(ge=0, le=1000)] = 4
    """After more errors of a check in a row, somebody is told. Nothing is rolled back for them."""
    on_failure: Literal["rollback", "notify"] = "rollback"
    """What becomes of a release that has failed: back to the last good one, or only a notice."""
    during_update: Literal["hold", "up"] = "hold"
    """Whether a service may be scaled up in the middle of a rollout. Only where a good revision
    is kept, since Swarm cannot roll back any more after it."""
    bake: Annotated[Duration, Field(ge=1, le=604_800)] = 300.0
    """Healthy for so long, and a release is good: its template is kept to go back to."""
    keep: Annotated[int, Field(ge=1, le=20)] = 5
    """So many good releases are kept."""
    blame: Annotated[Duration, Field(ge=1, le=31_536_000)] = 86_400.0
    """A release that is older than this is not rolled back: something else must have changed."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [check.name for check in self.checks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two checks are named {twice[0]!r}; give each a name: of its own")
        if TRAFFIC in names:
            raise ValueError(f"no check can be named {TRAFFIC!r}")
        return self

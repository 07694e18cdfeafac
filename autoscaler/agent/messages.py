"""What agent and controller say to each other. Pure.

Each message is one JSON document with a version and a type. What is too long, no JSON, of
another version or type, or has a key too many or too few is refused with a reason; who is
asked to read it never fails in another way.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

LONGEST = 512 * 1024
"""Bytes of a message at most."""
MOST_CONTAINERS = 1000
"""Containers in one message at most."""
MOST_EVENTS = 256
"""Events in one message at most."""

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
Words = Annotated[str, Field(max_length=500)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Health = Literal["", "starting", "healthy", "unhealthy"]
"""Empty: the container has no health check."""


class Refused(ValueError):
    """A message that is not understood; `reason` is one of a few words, for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class _Message(_Part):
    v: Literal[1] = 1


class Running(_Part):
    """A container that runs a task."""

    container: Id
    task: Id
    service: Id
    health: Health = ""


class Kind(StrEnum):
    """What can happen to a container."""

    START = "start"
    DIE = "die"
    OOM = "oom"
    """The kernel killed a process in it for want of memory."""
    HEALTH = "health"
    """Its health check has another result."""
    RESTART = "restart"
    """The engine was asked to start it again, which Swarm never does."""


class Happened(_Part):
    """An event of a task's container."""

    kind: Kind
    container: Id
    task: Id
    service: Id
    at: Annotated[int, Field(ge=0)]
    """By the engine's clock, in nanoseconds since 1970."""
    exit_code: int | None = None
    health: Health = ""


class Used(_Part):
    """What a task's container has used."""

    task: Id
    service: Id
    at: Amount
    """By the engine's clock, in Unix seconds."""
    cpu: Amount
    """Processor time since its start, in seconds."""
    memory: Amount | None = None
    """Bytes; None where the node does not count memory."""


class Hello(_Message):
    """An agent's first word."""

    type: Literal["hello"] = "hello"
    node: Id
    """The node's id in the Swarm."""
    hostname: Words
    instance: Id
    """The agent's process; another one has another."""
    release: Words
    """The agent's version."""
    verbs: tuple[Id, ...] = ()
    """What it does on request."""


class Containers(_Message):
    """All containers of tasks that run on the node now."""

    type: Literal["containers"] = "containers"
    running: Annotated[tuple[Running, ...], Field(max_length=MOST_CONTAINERS)]
    more: Annotated[int, Field(ge=0)] = 0
    """So many did not fit in."""


class Events(_Message):
    """What happened, oldest first; some of it may have been told before."""

    type: Literal["events"] = "events"
    events: Annotated[tuple[Happened, ...], Field(max_length=MOST_EVENTS)]


class Statistics(_Message):
    """What the node has, and what the tasks on it use."""

    type: Literal["statistics"] = "statistics"
    cores: Amount
    memory: Amount
    used: Annotated[tuple[Used, ...], Field(max_length=MOST_CONTAINERS)]


class Beat(_Message):
    """The agent is still there."""

    type: Literal["beat"] = "beat"


class Result(StrEnum):
    """How a request ended."""

    DONE = "done"
    REFUSED = "refused"
    """A check of the agent's own forbids it."""
    FAILED = "failed"
    """It was not done, and may be asked for again."""
    UNKNOWN = "unknown"
    """The engine did not answer."""


class Answer(_Message):
    """How a request ended."""

    type: Literal["answer"] = "answer"
    id: Id
    result: Result
    reason: Words = ""


class Welcome(_Message):
    """The controller listens."""

    type: Literal["welcome"] = "welcome"
    since: Annotated[int, Field(ge=0)] = 0
    """The newest event that it knows of the node; 0 for none."""


class Goodbye(_Message):
    """The controller will not listen, and why."""

    type: Literal["goodbye"] = "goodbye"
    reason: Words


class Stop(_Message):
    """Stop the container of this task of this service."""

    type: Literal["stop"] = "stop"
    id: Id
    within: Annotated[float, Field(gt=0, le=300)]
    """Seconds in which an answer is expected."""
    service: Id
    task: Id
    container: Id


FromAgent = Hello | Containers | Events | Statistics | Beat | Answer
FromController = Welcome | Goodbye | Stop

_FROM_AGENT: TypeAdapter[FromAgent] = TypeAdapter(Annotated[FromAgent, Field(discriminator="type")])
_FROM_CONTROLLER: TypeAdapter[FromController] = TypeAdapter(
    Annotated[FromController, Field(discriminator="type")]
)
T = TypeVar("T")


def encode(message: _Message) -> str:
    """A message as it is sent."""
    return message.model_dump_json(exclude_defaults=False)


def from_agent(text: str) -> FromAgent:
    """What an agent said. Raises Refused."""
    return _read(_FROM_AGENT, text)


def from_controller(text: str) -> FromController:
    """What the controller said. Raises Refused."""
    return _read(_FROM_CONTROLLER, text)


def _read(adapter: TypeAdapter[T], text: str) -> T:
    if len(text) > LONGEST:
        raise Refused("oversize", f"{len(text)} characters")
    try:
        return adapter.validate_json(text, strict=True)
    except (ValidationError, RecursionError) as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> Refused:
    if not isinstance(error, ValidationError):
        return Refused("malformed", "nested too deep")
    first: Any = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    detail = f"{place}: {first['msg']}"[:300]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return Refused("unknown", detail)
    if any(line["loc"][-1:] == ("v",) for line in error.errors(include_url=False)):
        return Refused("version", detail)
    return Refused("malformed", detail)

"""The model's values as JSON text and back, exactly.

What was dumped by this version loads as an equal value. What another version dumped loads as
far as it is understood: a field that is not known here is passed over, one that is missing
takes its default, and without a default, or with a word that is not known here, `Invalid`
says so. Nothing is guessed.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from autoscaler.complaints import in_words
from autoscaler.errors import Invalid
from autoscaler.model import Decision, Intent, Memory, Observation, Record

T = TypeVar("T")
_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def dump(value: Any) -> str:
    """Write a dataclass of the model as JSON on one line.

    Raises Invalid for what would not load again: a field that is not of its type (a mapping
    must be a dict), a foreign object, half a surrogate pair.
    """
    try:
        return _adapter(type(value)).dump_json(value, warnings="error").decode()
    except PydanticSerializationError as error:
        raise Invalid(f"{type(value).__name__} cannot be stored: {error}") from error


def load(kind: type[T], text: str | bytes) -> T:
    """Read a value of `kind` from what `dump` wrote. Raises Invalid."""
    try:
        value: T | None = _adapter(kind).validate_json(text)
    except ValidationError as error:
        raise Invalid(_complaint(kind, error)) from error
    if value is None:
        raise Invalid(f"expected a {kind.__name__}, not null")
    return value


def load_record(text: str | bytes) -> Record:
    """Read a Record. Raises Invalid."""
    return load(Record, text)


def load_observation(text: str | bytes) -> Observation:
    """Read an Observation. Raises Invalid."""
    return load(Observation, text)


def load_memory(text: str | bytes) -> Memory:
    """Read a Memory. Raises Invalid."""
    return load(Memory, text)


def load_decision(text: str | bytes) -> Decision:
    """Read a Decision. Raises Invalid."""
    return load(Decision, text)


def load_intent(text: str | bytes) -> Intent:
    """Read an Intent. Raises Invalid."""
    return load(Intent, text)


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _adapters:
        # Pydantic's own way with NaN and infinity is to write null, which would load as "not
        # known". Only a type that is no dataclass itself takes such a setting: hence None.
        form: Any = kind | None
        _adapters[kind] = TypeAdapter(form, config=ConfigDict(ser_json_inf_nan="constants"))
    return _adapters[kind]


def _complaint(kind: type[Any], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the document"
    return f"not a {kind.__name__} of this version: {place}: {in_words(first, show=False)}"

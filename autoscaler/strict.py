"""The base of everything that a person writes: frozen, typed, and helpful when wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and names the valid ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            refuse_unknown(cls.__name__, data, valid_keys(cls))
            _refuse_truth(cls, data)
        return data


def valid_keys(model: type[BaseModel]) -> list[str]:
    """The keys that a document may use for a model."""
    return [field.alias or name for name, field in model.model_fields.items()]


def refuse_unknown(title: str, data: Mapping[Any, Any], valid: Iterable[str]) -> None:
    """Raise a ValidationError that has each unknown key as its place."""
    known = list(valid)
    unknown = [key for key in data if key not in known]
    if unknown:
        raise ValidationError.from_exception_data(
            title, [_unknown(key, data[key], known) for key in unknown]
        )


def _refuse_truth(model: type[BaseModel], data: Mapping[Any, Any]) -> None:
    """`max: true` is no number, though Python and pydantic take it for 1."""
    wrong = [
        key
        for key, field in model.model_fields.items()
        if isinstance(data.get(key), bool) and not _may_be_bool(field.annotation)
    ]
    if wrong:
        message = "expected a value of its own kind, not true or false"
        raise ValidationError.from_exception_data(
            model.__name__,
            [{"type": custom("bool", message), "loc": (k,), "input": data[k]} for k in wrong],
        )


def _may_be_bool(annotation: Any) -> bool:
    """Whether a field takes true and false, or anything."""
    parts = get_args(annotation)
    return annotation in (bool, Any) or any(_may_be_bool(part) for part in parts)


def _unknown(key: Any, value: Any, known: list[str]) -> InitErrorDetails:
    close = difflib.get_close_matches(str(key), known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    message = f"unknown key {str(key)!r}{hint}; valid keys: {', '.join(sorted(known))}"
    return {"type": custom("unknown_key", message), "loc": (str(key),), "input": value}


def validate_at(key: str, model: type[BaseModel], data: Any) -> Any:
    """Validate a plugin's options, with `key` put in front of each error's place."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ValidationError.from_exception_data(
            model.__name__,
            [
                {
                    "type": custom(line["type"], line["msg"]),
                    "loc": (key, *line["loc"]),
                    "input": line["input"],
                }
                for line in error.errors(include_url=False)
            ],
        ) from error


def custom(kind: str, message: str) -> PydanticCustomError:
    """An error with a literal message: braces in it are not placeholders."""
    return PydanticCustomError(kind, "{message}", {"message": message})

"""The base of everything that a person writes: frozen, typed, and helpful when wrong.

Whoever writes a file wants to hear of all mistakes at once. So what is wrong with keys is told
beside what is wrong with the values of the others, and a plugin's options beside its host's.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, PydanticKnownError

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and names the valid ones."""

    # What was wrong is named by `complaints.py`; pydantic would show it whole, logins and all.
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _strictly(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)
        mistakes = Mistakes(cls.__name__)
        return mistakes.build(handler, mistakes.sift(cls, data, valid_keys(cls)))


class Mistakes:
    """Gathers what is wrong with one mapping, to tell all of it at once."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lines: list[InitErrorDetails] = []
        self._stated: set[str] = set()
        self._built: tuple[str, ...] = ()
        self._taken: set[str] = set()
        self._unknown = False

    def sift(
        self, model: type[BaseModel], data: Mapping[Any, Any], valid: Iterable[str]
    ) -> dict[str, Any]:
        """What can be looked at further: known keys, without truths that mean numbers."""
        known = list(valid)
        unknown = [_unknown(key, data[key], known) for key in data if key not in known]
        rest = {key: value for key, value in data.items() if key in known}
        truths = list(_truths(model, rest))
        self._lines += [*unknown, *truths]
        self._unknown = bool(unknown)
        self._taken = {str(line["loc"][0]) for line in truths}
        self._stated = rest.keys() - self._taken
        return {key: value for key, value in rest.items() if key in self._stated}

    def keep(self, work: Callable[[], T], *place: str) -> T | None:
        """What `work` answers; None when it finds something wrong, which is kept for a place."""
        try:
            return work()
        except ValidationError as error:
            lines = [_again(line, place) for line in error.errors(include_url=False)]
            self._lines += [line for line in lines if place or not self._follows(line)]
        except PydanticCustomError as error:
            self._lines.append({"type": error, "loc": place, "input": None})
        except Exception as error:  # noqa: BLE001 - a stranger's model may raise anything
            wrong = custom("fault", f"{type(error).__name__} while this was checked")
            self._lines.append({"type": wrong, "loc": place, "input": None})
        return None

    def build(self, handler: ModelWrapValidatorHandler[Model], data: Any, *plugins: str) -> Model:
        """The model, or one error with all mistakes; those of `plugins` fields are kept already."""
        self._built = plugins
        built = self.keep(lambda: handler(data))
        if built is None or self._lines:
            raise ValidationError.from_exception_data(self._title, self._lines, hide_input=True)
        return built

    def _follows(self, line: InitErrorDetails) -> bool:
        """Whether it is wrong only because something else is, which is told."""
        key, *deeper = line.get("loc") or ("", "")
        absent = not deeper and key not in self._stated
        return key in self._built or (absent and (self._unknown or key in self._taken))


def valid_keys(model: type[BaseModel]) -> list[str]:
    """The keys that a document may use for a model."""
    return [field.alias or name for name, field in model.model_fields.items()]


def custom(kind: str, message: str) -> PydanticCustomError:
    """An error with a literal message: braces in it are not placeholders."""
    return PydanticCustomError(kind, "{message}", {"message": message})


def _unknown(key: Any, value: Any, known: list[str]) -> InitErrorDetails:
    close = difflib.get_close_matches(str(key), known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    message = f"unknown key {str(key)!r}{hint}; valid keys: {', '.join(sorted(known))}"
    return {"type": custom("unknown_key", message), "loc": (str(key),), "input": value}


def _truths(model: type[BaseModel], data: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
    """`max: true` is no number, though Python and pydantic take it for 1."""
    message = "expected a value of its own kind, not true or false"
    for name, field in model.model_fields.items():
        key = field.alias or name
        if isinstance(data.get(key), bool) and not _may_be_bool(field.annotation):
            yield {"type": custom("bool", message), "loc": (key,), "input": data[key]}


def _may_be_bool(annotation: Any) -> bool:
    """Whether a field takes true and false, or anything."""
    parts = get_args(annotation)
    return annotation in (bool, Any) or any(_may_be_bool(part) for part in parts)


def _again(line: ErrorDetails, place: tuple[str, ...]) -> InitErrorDetails:
    """An error as it was, to be raised once more below a place."""
    kind, context = line["type"], line.get("ctx", {})
    try:
        PydanticKnownError(kind, context)  # type: ignore[arg-type]
    except KeyError:
        wrong = custom(kind, line["msg"])
        return {"type": wrong, "loc": (*place, *line["loc"]), "input": line["input"]}
    return {"type": kind, "loc": (*place, *line["loc"]), "input": line["input"], "ctx": context}

"""Plain scalars, where YAML's versions disagree most.

YAML 1.1 reads `yes` as true, `010` as 8 and `1:30` as 90; YAML 1.2 reads text, 10 and text.
What both read alike is taken; what they read differently is refused, with what to write
instead. Sources: https://yaml.org/type/ (1.1), https://yaml.org/spec/1.2.2/#103-core-schema.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

MOST_DIGITS = 18

_WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True}
_WORDS |= {"false": False, "False": False, "FALSE": False}
_YES = {"yes": "true", "on": "true", "no": "false", "off": "false"}

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FRACTION = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")
# Most scalars are words; these can be nothing else, and are told apart at once.
_NUMERIC = re.compile(r"[-+.0-9=<]")

_TRAPS = (
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "is not a finite number"),
    (re.compile(r"[-+]?0[0-9_]+|[-+]?0o[0-7]+"), "is octal to some YAML readers"),
    (re.compile(r"[-+]?0b[01_]+|[-+]0x[0-9a-fA-F_]+"), "is a number to some YAML readers only"),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        "counts in sixties to some YAML readers",
    ),
    (re.compile(r"[-+]?[0-9.][0-9_.]*[eE][-+]?[0-9]+"), "is a number to some YAML readers only"),
    (
        re.compile(r"[-+]?(?:[0-9]+_[0-9_]*|0x[0-9a-fA-F_]+)(?:\.[0-9_]*)?|[-+]?0[0-9]+\.[0-9]*"),
        "is a number to some YAML readers only",
    ),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?"),
        "is a date to some YAML readers",
    ),
    (re.compile(r"=|<<"), "has a special meaning to some YAML readers"),
)


def read_plain(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises ValueError, with what to write instead, for what YAML's versions read differently
    and for numbers that are not finite or have more than 18 digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    meant = _YES.get(text.lower()) if text in (text.lower(), text.upper(), text.title()) else None
    if meant is not None:
        raise ValueError(f'{text} is {meant} to some YAML readers: write {meant}, or "{text}"')
    if not _NUMERIC.match(text):
        return text
    return _read_number(text)


def _read_number(text: str) -> Scalar:
    if _INTEGER.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        if len(text) > MOST_DIGITS:
            raise ValueError(f"{text[:20]}... is too large: {MOST_DIGITS} digits at most")
        return int(text, 0)
    if _FRACTION.fullmatch(text):
        return _finite(text)
    for trap, meaning in _TRAPS:
        if trap.fullmatch(text):
            raise ValueError(f'{text[:40]} {meaning}: write it another way, or "{text[:40]}"')
    return text


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large")
    return number

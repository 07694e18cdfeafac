"""Hostile formulas: no effect but an error, after a bounded number of steps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from random import Random
from types import FrameType
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import Recommendation
from autoscaler.ports import Reading
from autoscaler.strategies import arithmetic
from autoscaler.strategies.formula import Formula
from autoscaler.testing.builders import a_service, observe, value

MOST_STEPS = 20_000
"""Calls, of Python's and of C's functions, that a formula may take to be read and evaluated."""
EFFECTS = {"open", "exec", "eval", "__import__", "system", "print", "exit", "setattr", "input"}

LISTED = [
    "__import__('os').system('true')",
    "open(value)",
    "eval(value)",
    "exec(value)",
    "print(value)",
    "exit()",
    "().__class__.__bases__",
    "value.__class__",
    "value.real",
    "max.__globals__",
    "9**9**9**9",
    "value ** 2",
    "pow(9, 9)",
    "1 << 999999999",
    "9 @ 9",
    "~value",
    "value | 1",
    "value is value",
    "value in value",
    "1 < value < 3",
    "value == value == value",
    "'a' * 999999999",
    "f'{value}'",
    "b'a'",
    "[value for value in value]",
    "{value: value}",
    "{value}",
    "[value] * 999999999",
    "(value, value)",
    "value[0]",
    "value[::]",
    "lambda: value",
    "(value := 1)",
    "(yield)",
    "(yield value)",
    "await value",
    "max(*value)",
    "max(**value)",
    "max(value=value)",
    "max()",
    "clamp(value)",
    "ceil(1, 2)",
    "ceil",
    "max(max)",
    "value()",
    "ceil()(1)",
    "None",
    "True",
    "not True",
    "...",
    "1j",
    "1e400",
    "1e15",
    "0xffffffffffffffffffff",
    "9" * 500,
    "9" * 501,
    "value; value",
    "value = 1",
    "import os",
    "value # a comment",
    "value \\\n+ 1",
    "value if value",
    "if value: value",
    "",
    " ",
    "\n",
    "\0",
    "value\0",
    "\ufeffvalue",
    "v\u0430lue",
    "\uff11",
    "1/0",
    "1 // 0",
    "1 % 0",
    "value / (value - value)",
    "sqrt(0 - 1)",
    "1e14 * 1e14 * 1e14 * 1e14" + " * 1e14" * 20,
    "ceil(" + "1e14 * " * 30 + "1)",
    "round(" + "1e14 * " * 30 + "1)",
    "(" * 249 + "1" + ")" * 249,
    "-" * 499 + "1",
    "not " * 124 + "1",
    "max(" * 99 + "1" + ")" * 99,
    "value" + ".a" * 240,
    "value" + "()" * 240,
    "value" + "[0]" * 160,
    "(1," * 120 + ")" * 120,
    "1+" * 249 + "1",
    "1 if 1 else " * 41 + "1",
    "(1 if 1 else " * 35 + "1" + ")" * 35,
    "1 and " * 80 + "1 or 1 if 1 else 1 + 1 << 1",
    "max(" + "1," * 21 + "1)",
]


def chains(random: Random) -> str:
    part = random.choice([".a", "()", "[0]", ".__class__", "(1)", "[a]"])
    return random.choice(["value", "max", "(1)"]) + part * random.randint(1, 400 // len(part))


def powers(random: Random) -> str:
    operator = random.choice(["**", "<<", "|", "&", "^", "@", " is ", " in ", ":="])
    return operator.join(str(random.randint(0, 10**9)) for _ in range(random.randint(2, 40)))


def nests(random: Random) -> str:
    opening, closing = random.choice([("(", ")"), ("max(", ")"), ("-", ""), ("not ", "")])
    levels = random.randint(arithmetic.DEEPEST, 490 // len(opening + closing))
    wrap = "1 if 1 else " if opening == "(" else ""
    return (
        (opening + wrap) * (levels if not wrap else 30) + "1" + closing * (30 if wrap else levels)
    )


def widths(random: Random) -> str:
    return random.choice("+-*/%").join("1" for _ in range(random.randint(110, 250)))


def calls(random: Random) -> str:
    name = random.choice(["open", "eval", "exec", "compile", "getattr", "print", "pow", "vars"])
    return f"{name}({', '.join(['value'] * random.randint(0, 9))})"


def characters(random: Random) -> str:
    strange = random.choice("'\"[]{}:;=@&|^~$?`\\#\0\u00e9\u202e\U0001f600")
    text = "ceil(value / 100) + max(value, 3)"
    place = random.randint(0, len(text))
    return text[:place] + strange * random.choice([1, 3]) + text[place:]


def no_numbers(random: Random) -> str:
    zero = random.choice(["0", "(value - value)", "(1 < 0)", "min(0, value)", "0.0"])
    return f"{random.randint(1, 9)} {random.choice(['/', '//', '%'])} {zero}"


FAMILIES: list[Callable[[Random], str]] = [
    chains, powers, nests, widths, calls, characters, no_numbers,
]  # fmt: skip


def generated(count: int) -> list[str]:
    random = Random(20261123)
    return [FAMILIES[number % len(FAMILIES)](random) for number in range(count)]


HOSTILE = [*LISTED, *generated(500)]


class Steps:
    """Counts calls, and notes the names of those into C."""

    def __init__(self) -> None:
        self.count = 0
        self.names: set[str] = set()

    def __enter__(self) -> Steps:
        self._before = sys.getprofile()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            self.count += 1
        if event == "c_call":
            self.names.add(argument.__name__)


def answered(text: str) -> Recommendation | None:
    """What a policy with the formula recommends; None when it cannot be loaded."""
    try:
        formula = Formula.model_validate({"expression": text})
    except ValidationError:
        return None
    seen = observe(a_service(3), {"load": value(400.0)})
    return formula.step(None, Reading(name="load", sample=value(400.0), observation=seen))[1]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_a_hostile_formula_is_an_error_after_a_bounded_number_of_steps(text: str) -> None:
    with Steps() as steps:
        found = answered(text)
    assert found is None or found.replicas is None
    assert steps.count < MOST_STEPS
    assert not steps.names & EFFECTS


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_it_is_an_error_of_the_value_and_of_no_other_kind(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as told:
        arithmetic.read(text).evaluate({"value": 400.0, "replicas": 3.0})
    assert len(str(told.value)) < 200


def test_the_count_of_steps_sees_what_is_called() -> None:
    with Steps() as steps:
        arithmetic.read("max(1, 2)")
    assert steps.count > 10
    assert "compile" in steps.names


class Counted(dict[str, float]):
    """Numbers that count how often they are looked up."""

    looked_up = 0

    def __getitem__(self, name: str) -> float:
        self.looked_up += 1
        return super().__getitem__(name)


def test_each_part_is_evaluated_once_at_most() -> None:
    numbers = Counted(a=1.0)
    arithmetic.read(" + ".join(["a"] * 15)).evaluate(numbers)
    assert numbers.looked_up == 15
    numbers = Counted(a=1.0)
    arithmetic.read("a if a else a / 0").evaluate(numbers)
    assert numbers.looked_up == 2

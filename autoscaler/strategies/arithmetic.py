"""A small arithmetic language over named numbers: no attributes, no strings, no powers.

    ceil(max(cpu / 70, jobs / 100) * replicas)

Python's own parser reads it, and of what it reads only numbers, names, `+ - * / // %`,
comparisons, `and or not`, `x if c else y` and the functions below are taken. All numbers
are floats. An expression is at most 500 characters, 200 nodes and 20 levels; evaluating
it visits each node at most once.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LONGEST = 500
MOST_NODES = 200
DEEPEST = 20
_TEXT = re.compile(r"[A-Za-z0-9_ \t\n.,()+\-*/%<>=!]*")

FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": lambda x: float(math.ceil(x)),
    "floor": lambda x: float(math.floor(x)),
    "round": lambda x: float(round(x)),
    "sqrt": math.sqrt,
    "min": lambda *x: min(x),
    "max": lambda *x: max(x),
    "clamp": lambda x, low, high: max(low, min(x, high)),
}
_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARED: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARGUMENTS = {"min": (1, 20), "max": (1, 20), "clamp": (3, 3)}
_LEAVES = (ast.Load, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression that has been read."""

    tree: ast.expr
    names: frozenset[str]
    """The numbers that it needs."""

    def evaluate(self, numbers: Mapping[str, float]) -> float:
        """Its value; comparisons give 1 or 0. Raises ValueError where there is none."""
        try:
            value = float(_value(self.tree, numbers))
        except (ArithmeticError, ValueError) as error:
            raise ValueError(f"the formula has no value: {error}") from error
        if not math.isfinite(value):
            raise ValueError("the formula's value is not finite")
        return value


def read(text: str) -> Formula:
    """Read an expression. Raises ValueError that says what is not taken."""
    if len(text) > LONGEST:
        raise ValueError(f"a formula has at most {LONGEST} characters")
    if not _TEXT.fullmatch(text):
        strange = next(char for char in text if not _TEXT.fullmatch(char))
        raise ValueError(f"{strange!r} has no place in a formula")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not a formula: {getattr(error, 'msg', error)}") from error
    return _checked(tree, text.strip())


def _checked(tree: ast.expr, text: str) -> Formula:
    nodes = [node for node in ast.walk(tree) if not isinstance(node, _LEAVES)]
    if len(nodes) > MOST_NODES:
        raise ValueError(f"a formula has at most {MOST_NODES} parts")
    names: set[str] = set()
    _check(tree, names, text, DEEPEST)
    return Formula(tree, frozenset(names))


def _check(node: ast.expr, names: set[str], text: str, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"a formula is nested at most {DEEPEST} levels deep")
    operands = _operands(node, names)
    if operands is None:
        # Not by `ast.unparse`: it recurses, and what is refused may be nested deeply.
        found = ast.get_source_segment(text, node) or text
        raise ValueError(f"{found[:60]!r} has no place in a formula")
    for inner in operands:
        _check(inner, names, text, depth - 1)


def _operands(node: ast.expr, names: set[str]) -> list[ast.expr] | None:  # noqa: C901
    """The parts of a node that is taken; None for one that is not."""
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number) if abs(number) < 1e15:
            return []
        case ast.Name(id=name) if name not in FUNCTIONS:
            names.add(name)
            return []
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=operand):
            return [operand]
        case ast.BoolOp(values=values):
            return values
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            return [left, right]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [test, body, orelse]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _arguments(name, args)
    return None


def _arguments(name: str, given: list[ast.expr]) -> list[ast.expr]:
    least, most = _ARGUMENTS.get(name, (1, 1))
    if not least <= len(given) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ValueError(f"{name}() takes {wanted} arguments, not {len(given)}")
    return given


def _value(node: ast.expr, numbers: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return numbers[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, numbers), _value(right, numbers))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return float(_COMPARED[type(op)](_value(left, numbers), _value(right, numbers)))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if _value(test, numbers) else orelse, numbers)
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*(_value(argument, numbers) for argument in args))
    return _logic(node, numbers)


def _logic(node: ast.expr, numbers: Mapping[str, float]) -> float:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, numbers)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, numbers)
        case ast.UnaryOp(operand=operand):
            return float(not _value(operand, numbers))
        case ast.BoolOp(op=ast.And(), values=values):
            return float(all(_value(value, numbers) for value in values))
        case ast.BoolOp(values=values):
            return float(any(_value(value, numbers) for value in values))
    raise ValueError("not a formula")

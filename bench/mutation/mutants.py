"""Deliberate mistakes: one small change to one function each, as mutmut makes them.

What stands outside of functions (constants, defaults of fields) is not changed.
"""

from __future__ import annotations
import __future__

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import file_mutation as mutmut
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode


@dataclass(frozen=True)
class Mutant:
    """One function with one mistake in it."""

    key: str
    """The function and a number; the same for as long as its module is."""
    function: str
    """Its qualified name."""
    lines: range
    """What is changed in the module."""
    before: str
    after: str
    """The function's source, without decorators."""

    @cached_property
    def diff(self) -> str:
        """The lines that differ."""
        pair = self.before.splitlines(), self.after.splitlines()
        return "\n".join([*difflib.unified_diff(*pair, n=0, lineterm="")][2:])

    def apply(self, functions: Iterable[FunctionType]) -> None:
        """Make the mistake in this process: whoever holds a function goes on holding it."""
        code = _compiled(self.after)
        for function in functions:
            function.__code__ = code


@dataclass(frozen=True)
class Module:
    """A module and what can be done to it."""

    name: str
    path: Path

    @cached_property
    def source(self) -> str:
        """Its text."""
        return self.path.read_text()

    @property
    def digest(self) -> str:
        """What tells whether it is the same."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]

    @cached_property
    def mutants(self) -> tuple[Mutant, ...]:
        """All of them, in the order of the text."""
        return tuple(_mutants(self.source))


class _Everywhere(mutmut.MutationVisitor):  # type: ignore[misc]  # mutmut has an environment of its own
    """Decorated functions as well, which mutmut's own runner cannot change; no defaults."""

    def _skip_node_and_children(self, node: Any) -> bool:
        if isinstance(node, cst.FunctionDef):
            return False
        return isinstance(node, cst.Param) or bool(super()._skip_node_and_children(node))


def _mutants(source: str) -> Iterator[Mutant]:
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = _Everywhere(mutation_operators, IgnoredCode(set(), set(), set()))
    wrapper.visit(visitor)
    places, names = wrapper.resolve(PositionProvider), dict(_named(wrapper.module))
    for number, found in enumerate(visitor.mutations):
        function = found.contained_by_top_level_function
        if function not in names:
            continue
        bare = function.with_changes(decorators=[], leading_lines=[])
        mistaken = mutmut.deep_replace(bare, found.original_node, found.mutated_node)
        place, name = places[found.original_node], names[function]
        lines = range(place.start.line, place.end.line + 1)
        yield Mutant(f"{name} {number}", name, lines, _text(bare), _text(mistaken))


def _named(module: Any) -> Iterator[tuple[Any, str]]:
    """Functions of a module and of its classes, by qualified name."""
    for each in module.body:
        if isinstance(each, cst.FunctionDef):
            yield each, each.name.value
        elif isinstance(each, cst.ClassDef):
            inner = (one for one in each.body.body if isinstance(one, cst.FunctionDef))
            yield from ((one, f"{each.name.value}.{one.name.value}") for one in inner)


def _text(function: Any) -> str:
    return str(cst.Module(body=[function]).code)


def _compiled(text: str) -> CodeType:
    flags = __future__.annotations.compiler_flag
    module = compile(text, "<mutant>", "exec", flags=flags, dont_inherit=True)
    return next(each for each in module.co_consts if isinstance(each, CodeType))

"""What a case's answer differs in, and the report: `N of M` per kind and every miss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Case = Mapping[str, Any]
Answer = dict[str, Any]
RAISED = "raised"
"""Where an answer would stand that could not be given."""


@dataclass(frozen=True)
class Rule:
    """A written reason, and the differences that it explains, of a case and our answer to it."""

    name: str
    kinds: tuple[str, ...]
    reason: str
    explains: Callable[[Case, Answer], bool]


@dataclass(frozen=True)
class Judged:
    """One case with its differences; none means that it passed."""

    kind: str
    name: str
    differences: tuple[str, ...]
    rule: str = ""
    """The written reason that explains the differences, if there is one."""


def answered(ask: Callable[[Case], Answer], case: Case) -> Answer:
    """The answer to a case; one that breaks something is a miss, and the others go on."""
    try:
        return ask(case)
    except Exception as error:  # noqa: BLE001
        return {RAISED: repr(error)}


def differences(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[str, ...]:
    """What is expected and was not answered."""
    if RAISED in answer:
        return (f"{RAISED} {answer[RAISED]}",)
    return tuple(
        f"{key}: expected {wanted}, got {answer.get(key, 'nothing')}"
        for key, wanted in expected.items()
        if wanted != answer.get(key)
    )


def lines(kind: str, judged: Iterable[Judged]) -> list[str]:
    """`N of M` of a kind, and its misses."""
    of_kind = [one for one in judged if one.kind == kind]
    missed = [one for one in of_kind if one.differences]
    return [f"{kind}: {len(of_kind) - len(missed)} of {len(of_kind)}", *map(_miss, missed)]


def reasons(judged: Iterable[Judged], rules: Sequence[Rule]) -> list[str]:
    """The rules that explain misses, each with its reason."""
    named = {one.rule for one in judged}
    return [f"[{rule.name}] {rule.reason}" for rule in rules if rule.name in named]


def explaining(rules: Sequence[Rule], kind: str, case: Case, answer: Answer) -> str:
    """The name of the rule that explains why an answer differs; "" when none does."""
    if RAISED in answer:
        return ""
    of_kind = (rule for rule in rules if kind in rule.kinds)
    return next((rule.name for rule in of_kind if rule.explains(case, answer)), "")


def _miss(one: Judged) -> str:
    rule = f" [{one.rule}]" if one.rule else ""
    return f"  {one.name}: {'; '.join(one.differences)}{rule}"

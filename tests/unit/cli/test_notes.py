"""What somebody should know who looks is told where they look."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console, RenderableType

from autoscaler.cli.render import decisions
from autoscaler.cli.render.explanation import explanation
from autoscaler.testing.builders import NOW, a_memory, a_service, observe
from tests.unit.cli.conftest import a_record

NOTE = "its labels are not used"


def drawn(what: RenderableType) -> str:
    text = StringIO()
    Console(file=text, width=200).print(what)
    return text.getvalue()


def test_notes_stand_in_status_plan_history_and_explanation() -> None:
    record = a_record(observe(a_service(5)), a_memory(5))
    decision = replace(record.decision, notes=(NOTE,))
    assert f"note: {NOTE}" in drawn(decisions.current([decision], NOW))
    assert f"note: {NOTE}" in drawn(decisions.planned([decision]))
    assert f"note: {NOTE}" in drawn(decisions.past([(decision, None)]))
    assert NOTE in drawn(explanation(replace(record, decision=decision), NOW))

"""What was found for a service is kept for as long as nothing that it depends on has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler import covering
from autoscaler.covering import Covering
from autoscaler.policy_files import PolicySet
from autoscaler.testing.builders import a_policy_document, a_service
from autoscaler.testing.scenario import load

OF_FILE = load(a_policy_document())
LABELS = {"autoscaler.enable": "true", "autoscaler.max": "5"}


class Files:
    """The policies in force, which a test swaps."""

    def __init__(self) -> None:
        self.current = PolicySet((OF_FILE,))

    def covering(self) -> Covering:
        return Covering(lambda: self.current, {})


def test_other_files_hold_at_once_and_labels_where_there_are_none() -> None:
    files = Files()
    over = files.covering()
    plain, labelled = a_service(), a_service(id="other", name="other", labels=LABELS)
    assert over(plain) == (OF_FILE,)
    assert [loaded.policy.name for loaded in over(labelled)] == ["labels.other"]
    files.current = PolicySet()
    assert over(plain) == ()
    assert [loaded.policy.name for loaded in over(labelled)] == ["labels.other"]
    files.current = PolicySet((OF_FILE,))
    assert over(plain) == (OF_FILE,)


@pytest.mark.parametrize("changes", [{"labels": {}}, {"container_labels": {"a": "b"}}])
def test_a_service_that_states_something_else_is_looked_up_anew(changes: dict[str, object]) -> None:
    files = Files()
    over = files.covering()
    service = a_service(labels=LABELS)
    assert [loaded.notes for loaded in over(service)] == [
        ("its labels are not used: policy 'web-policy' of a file covers it",)
    ]
    changed = replace(service, **changes)  # type: ignore[arg-type]
    assert over(changed) == files.covering()(changed)
    assert over(service) == files.covering()(service)


def test_the_same_answer_is_given_for_a_service_that_is_read_anew() -> None:
    over = Files().covering()
    first = over(a_service(3, labels=dict(LABELS)))
    assert over(a_service(5, version=8, labels=dict(LABELS))) is first


def test_no_more_services_are_kept_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covering, "MOST_KEPT", 2)
    over = Files().covering()
    for number in range(5):
        assert over(a_service(id=str(number))) == (OF_FILE,)
        assert len(over._found) <= 2
